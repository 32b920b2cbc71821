//! Tables as files, row by row: a CSV each and one XLSX for all, so that they agree.
//!
//! Never holds the rows, and never asks the clock: the same rows give the same bytes.

use chrono::{DateTime, NaiveDate, Utc};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A count, or yen.
    Integer(i64),
    /// A day.
    Day(NaiveDate),
    /// Nothing.
    Empty,
}

impl From<Option<NaiveDate>> for Cell {
    fn from(day: Option<NaiveDate>) -> Cell {
        day.map_or(Cell::Empty, Cell::Day)
    }
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The CSV.
    #[error("a CSV cannot be written")]
    Csv(#[from] csv::Error),
    /// The XLSX.
    #[error("the XLSX cannot be written")]
    Xlsx(#[from] XlsxError),
    /// A file.
    #[error("a file cannot be written")]
    File(#[from] std::io::Error),
}

/// Files that are being written.
pub struct Sheets {
    folder: PathBuf,
    workbook: Workbook,
    day_format: Format,
    head_format: Format,
    files: Vec<PathBuf>,
    csv: Option<csv::Writer<File>>,
    row: u32,
}

impl Sheets {
    /// Begins in a folder, as of a time that the files name as that of their making.
    pub fn new(folder: &Path, made_at: DateTime<Utc>) -> Result<Sheets, Error> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(folder)?;
        let made_at = ExcelDateTime::from_timestamp(made_at.timestamp())?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&made_at));
        Ok(Sheets {
            folder: folder.to_owned(),
            workbook,
            day_format: Format::new().set_num_format("yyyy-mm-dd"),
            head_format: Format::new().set_bold(),
            files: Vec::new(),
            csv: None,
            row: 0,
        })
    }

    /// Begins a table; the rows that follow belong to it.
    pub fn table(&mut self, name: &str, title: &str, columns: &[&str]) -> Result<(), Error> {
        self.end_csv()?;
        let path = self.folder.join(format!("{name}.csv"));
        let mut file = File::create(&path)?;
        // Excel in Japan takes a CSV for Shift_JIS unless it begins with a byte order mark.
        file.write_all("\u{feff}".as_bytes())?;
        let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
        csv.write_record(columns)?;
        self.csv = Some(csv);
        self.files.push(path);
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(title)?;
        for (column, head) in (0..).zip(columns) {
            sheet.set_column_width(column, 18)?;
            sheet.write_with_format(0, column, *head, &self.head_format)?;
        }
        self.row = 0;
        Ok(())
    }

    /// Adds a row to the table.
    pub fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        let Some(csv) = &mut self.csv else { return Ok(()) };
        csv.write_record(cells.iter().map(csv_text))?;
        self.row += 1;
        let sheet = self.workbook.worksheet_from_index(self.files.len() - 1)?;
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) => _ = sheet.write_string(self.row, column, text)?,
                // Excel counts in floating point; whole yen are exact up to 2^53.
                Cell::Integer(number) => {
                    _ = sheet.write_number(self.row, column, *number as f64)?
                }
                Cell::Day(day) => {
                    let text = day.format("%Y-%m-%d").to_string();
                    let day = ExcelDateTime::parse_from_str(&text)?;
                    sheet.write_datetime_with_format(self.row, column, &day, &self.day_format)?;
                }
                Cell::Empty => {}
            }
        }
        Ok(())
    }

    fn end_csv(&mut self) -> Result<(), Error> {
        if let Some(mut csv) = self.csv.take() {
            csv.flush()?;
        }
        Ok(())
    }

    /// Ends all files: the CSVs in their order, then the XLSX.
    pub fn finish(mut self, name: &str) -> Result<Vec<PathBuf>, Error> {
        self.end_csv()?;
        let path = self.folder.join(format!("{name}.xlsx"));
        self.workbook.save(&path)?;
        self.files.push(path);
        Ok(self.files)
    }
}

/// A text that begins like a formula would be run by Excel: an apostrophe makes it a text again.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn csv_text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
            format!("'{text}")
        }
        Cell::Text(text) => text.clone(),
        Cell::Integer(number) => number.to_string(),
        Cell::Day(day) => day.to_string(),
        Cell::Empty => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_opens_in_excel_and_runs_nothing() {
        let folder = std::env::temp_dir().join(format!("sheets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str| {
            let mut sheets = Sheets::new(&folder, DateTime::UNIX_EPOCH).unwrap();
            sheets.table("orders", "注文", &["注文番号", "金額(円)", "納期"]).unwrap();
            let evil = Cell::Text("=cmd|' /C calc'!A0".to_owned());
            let day = Cell::Day("2028-02-29".parse().unwrap());
            sheets.row(&[evil, Cell::Integer(-120_000), day]).unwrap();
            sheets
                .row(&[Cell::Text("空調, \"3F\"".to_owned()), Cell::Integer(1), Cell::Empty])
                .unwrap();
            let files = sheets.finish(name).unwrap();
            files.iter().map(|it| std::fs::read(it).unwrap()).collect::<Vec<_>>()
        };
        let (first, again) = (write("first"), write("again"));
        let csv = String::from_utf8(first[0].clone()).unwrap();
        assert_eq!(
            csv,
            "\u{feff}注文番号,金額(円),納期\r\n\
             '=cmd|' /C calc'!A0,-120000,2028-02-29\r\n\
             \"空調, \"\"3F\"\"\",1,\r\n"
        );
        assert_eq!(first, again, "the same rows give the same bytes");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
