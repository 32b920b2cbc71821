fn main() {
    for name in std::env::args().skip(1) {
        let Some(t) = kumiki_schema::resource_type(&name) else { println!("{name}: NONE"); continue };
        println!("{name}\n  id: {:?}\n  read_only: {:?}\n  attrs: {:?}\n  required: {:?} order {:?} tag {:?}", t.primary_identifier().map(|p| p.as_str()).collect::<Vec<_>>(), t.read_only().map(|p| p.as_str()).collect::<Vec<_>>(), t.attributes().iter().map(|a| format!("{}:{:?}", a.name, a.kind)).collect::<Vec<_>>(), t.required().collect::<Vec<_>>(), t.replacement_order(), t.tagging().map(|t| t.path.as_str()));
    }
    let before: Vec<_> = kumiki_schema::type_names().filter(|n| kumiki_schema::resource_type(n).unwrap().replacement_order() == kumiki_schema::ReplacementOrder::DeleteThenCreate).collect();
    println!("delete first: {before:?}");
}
