//! Bootstrap, migration and the rights that they give, on a real server.
#![allow(clippy::unwrap_used, reason = "tests may")]

use service_test_bed::Cluster;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What `rds-parameter-group.yaml` sets for each environment, as far as it is not RDS's own:
/// connections, working memory, memory for maintenance.
const ENVIRONMENTS: [(&str, &str, &str); 3] =
    [("50", "4096", "65536"), ("100", "4096", "131072"), ("200", "8192", "262144")];

#[tokio::test]
async fn bootstrap_and_migration_may_run_twice_and_at_once() {
    for (connections, work, maintenance) in ENVIRONMENTS {
        let settings = [
            format!("max_connections={connections}"),
            format!("work_mem={work}"),
            format!("maintenance_work_mem={maintenance}"),
        ];
        let fixed = [
            // Stricter than the parameter group: whatever is said to the server stands in its log.
            "log_statement=all",
            "log_connections=1",
            "log_disconnections=1",
            "log_lock_waits=1",
            "idle_in_transaction_session_timeout=300000",
            "password_encryption=scram-sha-256",
            "ssl_min_protocol_version=TLSv1.2",
            "autovacuum_vacuum_scale_factor=0.1",
            "shared_preload_libraries=pg_stat_statements",
        ];
        let all: Vec<&str> = fixed.into_iter().chain(settings.iter().map(String::as_str)).collect();
        let cluster = Cluster::empty(&all).await;
        let (one, two) = tokio::join!(cluster.bootstrap(), cluster.bootstrap());
        one.unwrap();
        two.unwrap();
        let owner = cluster.config("facility_owner");
        let (one, two) =
            tokio::join!(service_schema::migrate(&owner), service_schema::migrate(&owner));
        assert_eq!(one.unwrap() + two.unwrap(), 1, "each migration is applied once");
        cluster.bootstrap().await.unwrap();
        assert_eq!(service_schema::migrate(&owner).await.unwrap(), 0);
        // The roles log in with the passwords of their secrets, which no log has seen.
        cluster.config("facility_batch").connect().await.unwrap();
        assert!(cluster.log().contains("role facility_owner login"), "statements are logged");
        assert!(!cluster.log().contains("SecretOfForty"), "a password is in the log");
    }
}

#[tokio::test]
async fn a_migration_that_was_changed_is_refused() {
    let cluster = Cluster::migrated().await;
    let client = cluster.superuser().await;
    client.execute("update schema_migrations set digest = 'other'", &[]).await.unwrap();
    let error = service_schema::migrate(&cluster.config("facility_owner")).await.unwrap_err();
    assert_eq!(error.to_string(), "migration 1 was changed after it had been applied");
}

#[tokio::test]
async fn only_the_right_certificate_under_the_right_name_is_trusted() {
    let cluster = Cluster::migrated().await;
    let connect = |variables| async {
        let mut environment = service_kit::environment::Environment::of(variables);
        let config = service_kit::database::DatabaseConfig::read(&mut environment, "test");
        environment.finish().unwrap();
        config.connect().await.err().map(|it| service_kit::problem::chain(&it))
    };
    assert_eq!(connect(cluster.variables("facility_batch")).await, None);
    // The certificate is for `localhost`.
    let other_name = connect(cluster.variables_at("facility_batch", "127.0.0.1")).await.unwrap();
    assert!(other_name.contains("certificate not valid for name"), "{other_name}");
    // Another authority's certificate is none.
    let other = Cluster::empty(&[]).await;
    let mut variables = cluster.variables("facility_batch");
    let stranger = &other.variables("facility_batch")[0].1;
    let authority = stranger.split_once("sslrootcert=").unwrap().1;
    let url = &mut variables[0].1;
    *url = format!("{}sslrootcert={authority}", url.split_once("sslrootcert=").unwrap().0);
    let untrusted = connect(variables).await.unwrap();
    assert!(
        untrusted.contains("UnknownIssuer") || untrusted.contains("BadSignature"),
        "{untrusted}"
    );
}

/// Every right of every program, so that a new one is noticed.
const RIGHTS: &str = "
facility_batch: companies SELECT; deliveries SELECT; due_alerts INSERT SELECT; equipment SELECT; \
monthly_summaries DELETE INSERT SELECT UPDATE; order_lines SELECT; orders SELECT; \
report_runs INSERT SELECT; schema_migrations SELECT; stock_movements SELECT; \
yearly_summaries DELETE INSERT SELECT UPDATE
facility_staff_api: audit_log SELECT; companies SELECT; deliveries SELECT; equipment SELECT; \
monthly_summaries SELECT; order_lines DELETE INSERT SELECT; orders SELECT; \
report_runs INSERT SELECT; schema_migrations SELECT; stock_movements SELECT; \
yearly_summaries SELECT
facility_vendor_api: companies SELECT; deliveries SELECT; order_lines SELECT; \
schema_migrations SELECT";

#[tokio::test]
async fn programs_have_the_rights_that_they_need() {
    let cluster = Cluster::migrated().await;
    let client = cluster.superuser().await;
    let grants = client
        .query(
            "select grantee::text, table_name::text, string_agg(privilege_type, ' ' order by privilege_type)
             from information_schema.table_privileges
             where table_schema = 'facility' and grantee <> 'facility_owner'
             group by 1, 2 order by 1, 2",
            &[],
        )
        .await
        .unwrap();
    let mut rights: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &grants {
        let table: String = row.get(1);
        rights.entry(row.get(0)).or_default().push(format!("{table} {}", row.get::<_, String>(2)));
    }
    let text = rights.iter().map(|(role, tables)| format!("\n{role}: {}", tables.join("; ")));
    assert_eq!(text.collect::<String>(), RIGHTS);
    // A vendor changes the status of an order, and nothing else of it.
    let columns = client
        .query_one(
            "select string_agg(column_name, ' ' order by column_name) from information_schema.column_privileges
             where grantee = 'facility_vendor_api' and table_name = 'orders' and privilege_type = 'UPDATE'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(columns.get::<_, &str>(0), "status");
    // What a vendor can reach has row-level security that binds the owner as well.
    let open = client
        .query(
            "select relname::text from pg_class
             where relnamespace = 'facility'::regnamespace and relkind = 'r'
                 and has_any_column_privilege('facility_vendor_api', oid, 'select')
                 and not (relrowsecurity and relforcerowsecurity)",
            &[],
        )
        .await
        .unwrap();
    let open: Vec<String> = open.iter().map(|it| it.get(0)).collect();
    assert_eq!(open, ["schema_migrations"]);
    // Nobody bypasses it, and nobody but the owner makes tables.
    let roles = client
        .query_one(
            "select count(*) from pg_roles where rolname like 'facility_%'
             and (rolbypassrls or rolsuper or rolcreaterole or rolcreatedb)",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(roles.get::<_, i64>(0), 0);
    for role in ["facility_staff_api", "facility_vendor_api", "facility_batch"] {
        let client = cluster.config(role).connect().await.unwrap();
        for statement in
            ["create table mine ()", "create table public.mine ()", "drop table orders"]
        {
            assert!(client.batch_execute(statement).await.is_err(), "{role}: {statement}");
        }
    }
}

#[tokio::test]
async fn the_database_holds_what_it_promises() {
    let cluster = Cluster::migrated().await;
    let client = cluster.config("facility_staff_api").connect().await.unwrap();
    let (requester, approver) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let act = async |who: Uuid, statement: &str| {
        let set = format!("begin; select set_config('app.actor', '{who}', true)");
        client.batch_execute(&set).await.unwrap();
        let done = client.batch_execute(statement).await;
        client.batch_execute(if done.is_ok() { "commit" } else { "rollback" }).await.unwrap();
        done.err().map(|it| it.code().unwrap().code().to_owned())
    };
    let refused = |code: &str| Some(code.to_owned());
    let company = "insert into companies (name) values ('みなと空調')";
    assert_eq!(act(requester, company).await, None);
    let order = "insert into orders (company_id, subject, due_on)
        select id, '空調機', '2026-12-25' from companies";
    assert_eq!(act(requester, order).await, None);
    let line = "insert into order_lines select id, 1, '本体', null, 2, 1000 from orders";
    assert_eq!(act(requester, line).await, None);
    // There is no way around approval, and none by oneself.
    assert_eq!(act(requester, "update orders set status = 'sent'").await, refused("P0001"));
    assert_eq!(act(requester, "update orders set status = 'submitted'").await, None);
    assert_eq!(act(requester, "update orders set status = 'approved'").await, refused("23514"));
    assert_eq!(act(requester, "update orders set subject = 'x'").await, refused("P0001"));
    assert_eq!(act(requester, "delete from order_lines").await, refused("P0001"));
    assert_eq!(act(approver, "update orders set status = 'approved'").await, None);
    // Nobody says who approved; the database knows.
    assert_eq!(act(requester, "update orders set approved_by = null").await, refused("42501"));
    // Stock moves, and is never less than nothing.
    let equipment = "insert into equipment (name, model, category, location, purchased_on)
        values ('消火器', 'A-10', 'fire-protection', '本庁舎1階', '2026-04-01')";
    assert_eq!(act(requester, equipment).await, None);
    let moved = "insert into stock_movements (equipment_id, delta, reason) select id, 3, '購入' from equipment";
    assert_eq!(act(requester, moved).await, None);
    let gone = "insert into stock_movements (equipment_id, delta, reason) select id, -4, '廃棄' from equipment";
    assert_eq!(act(requester, gone).await, refused("23514"));
    assert_eq!(act(requester, "update equipment set quantity = 9").await, refused("42501"));
    // All of it is in the log, and nobody writes that by hand.
    let log = client
        .query("select entity || ' ' || action || ' ' || coalesce(after ->> 'status', '') from audit_log where actor = $1 order by id", &[&requester])
        .await
        .unwrap();
    let log: Vec<String> = log.iter().map(|it| it.get(0)).collect();
    assert_eq!(
        log,
        [
            "companies insert ",
            "orders insert draft",
            "order_lines insert ",
            "orders update submitted",
            "equipment insert ",
            "stock_movements insert ",
            "equipment update ",
        ]
    );
    assert_eq!(
        act(requester, "insert into audit_log (program) values ('x')").await,
        refused("42501")
    );
}
