//! An order as a PDF in Japanese, as both APIs hand it out.
//!
//! Reads nothing: the order arrives as a value, the font is part of the program.

use crate::report::status_label;
use chrono::NaiveDate;
use krilla::Document;
use krilla::geom::{PathBuilder, Point};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::Stroke;
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use unicode_width::UnicodeWidthChar;

/// BIZ UDGothic 1.05, SIL Open Font License 1.1 (`fonts/OFL.txt`). Its glyphs are a whole or half an
/// em wide, so that texts can be measured by counting.
const FONT: &[u8] = include_bytes!("../fonts/BIZUDGothic-Regular.ttf");

/// An order as it is printed.
pub struct PrintedOrder {
    /// Its number.
    pub number: String,
    /// Whom it goes to.
    pub company: String,
    /// What it is about.
    pub subject: String,
    /// Its status.
    pub status: String,
    /// When it was sent.
    pub sent_on: Option<NaiveDate>,
    /// When it has to be delivered.
    pub due_on: NaiveDate,
    /// What it costs in all.
    pub total: i64,
    /// What is ordered.
    pub lines: Vec<PrintedLine>,
}

/// A line of an order as it is printed.
pub struct PrintedLine {
    /// What is ordered.
    pub item: String,
    /// How many.
    pub quantity: i32,
    /// Price of one in yen.
    pub unit_price: i64,
}

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The font that is part of the program cannot be read.
    #[error("the font cannot be read")]
    Font,
    /// The page or the document cannot be made.
    #[error("the PDF cannot be made: {0}")]
    Document(String),
}

// A4, in points.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const MARGIN: f32 = 56.0;
const SIZE: f32 = 10.0;
const LINE: f32 = 16.0;

/// Where the columns of the table end, and the widest text of the first one in half ems.
const QUANTITY_ENDS: f32 = 370.0;
const PRICE_ENDS: f32 = 450.0;
const AMOUNT_ENDS: f32 = WIDTH - MARGIN;
const ITEM_WIDTH: usize = 52;

/// Makes the PDF.
pub fn print(order: &PrintedOrder) -> Result<Vec<u8>, Error> {
    let font = Font::new(FONT.into(), 0).ok_or(Error::Font)?;
    let mut document = Document::new();
    document.set_metadata(
        Metadata::new().title(format!("発注書 {}", order.number)).language("ja".to_owned()),
    );
    let mut lines = order.lines.iter().peekable();
    let mut first = true;
    while first || lines.peek().is_some() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT)
            .ok_or_else(|| Error::Document("page size".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        let mut pen = Pen { surface: &mut surface, font: &font, y: MARGIN };
        if first {
            head(&mut pen, order);
            first = false;
        }
        pen.row("品名", "数量", "単価(円)", "金額(円)");
        while let Some(line) = lines.peek() {
            let item = wrap(&line.item, ITEM_WIDTH);
            if pen.y + LINE * item.len() as f32 > HEIGHT - MARGIN - 2.0 * LINE {
                break;
            }
            let amount = i64::from(line.quantity) * line.unit_price;
            for (row, text) in item.iter().enumerate() {
                if row == 0 {
                    let (quantity, price) = (yen(i64::from(line.quantity)), yen(line.unit_price));
                    pen.row(text, &quantity, &price, &yen(amount));
                } else {
                    pen.row(text, "", "", "");
                }
            }
            lines.next();
        }
        if lines.peek().is_none() {
            pen.row("合計", "", "", &yen(order.total));
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|it| Error::Document(format!("{it:?}")))
}

fn head(pen: &mut Pen<'_, '_>, order: &PrintedOrder) {
    pen.text(WIDTH / 2.0 - 36.0, 24.0, "発注書");
    pen.y += 3.0 * LINE;
    pen.text(MARGIN, 13.0, &format!("{} 御中", order.company));
    pen.y += 2.0 * LINE;
    let day = |it: NaiveDate| it.format("%Y年%-m月%-d日").to_string();
    let facts = [
        ("注文番号", order.number.clone()),
        ("件名", order.subject.clone()),
        ("発注日", order.sent_on.map_or("未発注".to_owned(), day)),
        ("納期", day(order.due_on)),
        ("状態", status_label(&order.status).to_owned()),
        ("合計金額", format!("{} 円", yen(order.total))),
    ];
    for (label, value) in facts {
        for (row, text) in wrap(&value, 80).iter().enumerate() {
            if row == 0 {
                pen.text(MARGIN, SIZE, label);
            }
            pen.text(MARGIN + 70.0, SIZE, text);
            pen.y += LINE;
        }
    }
    pen.y += LINE;
}

struct Pen<'a, 's> {
    surface: &'a mut Surface<'s>,
    font: &'a Font,
    y: f32,
}

impl Pen<'_, '_> {
    fn text(&mut self, x: f32, size: f32, text: &str) {
        let start = Point::from_xy(x, self.y);
        self.surface.draw_text(start, self.font.clone(), size, text, false, TextDirection::Auto);
    }

    fn right(&mut self, x: f32, text: &str) {
        let width: usize = text.chars().map(width).sum();
        self.text(x - width as f32 * SIZE / 2.0, SIZE, text);
    }

    /// A row of the table with a line under it.
    fn row(&mut self, item: &str, quantity: &str, price: &str, amount: &str) {
        self.text(MARGIN, SIZE, item);
        self.right(QUANTITY_ENDS, quantity);
        self.right(PRICE_ENDS, price);
        self.right(AMOUNT_ENDS, amount);
        let mut path = PathBuilder::new();
        path.move_to(MARGIN, self.y + 5.0);
        path.line_to(AMOUNT_ENDS, self.y + 5.0);
        if let Some(path) = path.finish() {
            self.surface.set_stroke(Some(Stroke { width: 0.3, ..Stroke::default() }));
            self.surface.draw_path(&path);
            self.surface.set_stroke(None);
        }
        self.y += LINE;
    }
}

/// Half ems that a character takes.
fn width(character: char) -> usize {
    character.width_cjk().unwrap_or(0)
}

/// A text in lines of at most so many half ems; there is always one.
fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for character in text.chars().map(|it| if it.is_control() { ' ' } else { it }) {
        if used + width(character) > limit {
            lines.push(String::new());
            used = 0;
        }
        used += width(character);
        if let Some(line) = lines.last_mut() {
            line.push(character);
        }
    }
    lines
}

/// A number with a comma before each three digits.
fn yen(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lines() {
        assert_eq!(yen(0), "0");
        assert_eq!(yen(1_234_567), "1,234,567");
        assert_eq!(yen(-999), "-999");
        assert_eq!(wrap("空調機abc", 6), ["空調機", "abc"]);
        assert_eq!(wrap("", 6), [""]);
    }

    #[test]
    fn an_order_of_many_lines_takes_many_pages() {
        let line = |n| PrintedLine {
            item: format!("{n} 業務用エアコン 髙﨑ビル向け {}", "とても長い品名".repeat(5)),
            quantity: 2,
            unit_price: 198_000,
        };
        let mut order = PrintedOrder {
            number: "2026-000001".to_owned(),
            company: "株式会社みなと空調".to_owned(),
            subject: "本庁舎3階の空調機更新".to_owned(),
            status: "sent".to_owned(),
            sent_on: None,
            due_on: "2026-12-25".parse().unwrap(),
            total: 39_600_000,
            lines: Vec::new(),
        };
        let pages = |pdf: Vec<u8>| {
            assert!(pdf.starts_with(b"%PDF-"));
            // Only what is used of the font is in the file.
            assert!(pdf.len() < 200_000, "{}", pdf.len());
            String::from_utf8_lossy(&pdf).matches("/Type/Page/").count()
                + String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count()
        };
        assert_eq!(pages(print(&order).unwrap()), 1);
        order.lines = (0..100).map(line).collect();
        assert!(pages(print(&order).unwrap()) > 3);
    }
}
