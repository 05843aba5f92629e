//! The figures of markets side by side, for people.

use std::fmt::Write as _;

use marketplace_money::Amount;

use super::Figures;

/// Thousandths of a percent, for people.
#[must_use]
pub fn share(part: i64) -> String {
    format!("{}.{:03} %", part / 1_000, part % 1_000)
}

fn hours(minutes: i64) -> String {
    format!("{}:{:02} h", minutes / 60, minutes % 60)
}

fn avt(nano: i64) -> String {
    // Two decimals are enough for people.
    Amount::from_nano(nano / 10_000_000 * 10_000_000).to_string()
}

fn of(part: u64, all: u64) -> String {
    let per_mille = part * 1_000 / all.max(1);
    format!("{part} of {all} ({}.{} %)", per_mille / 10, per_mille % 10)
}

fn per_point((fees, points): (i64, i64)) -> String {
    if points <= 0 {
        return format!("no point for {} AVT", avt(fees));
    }
    let each = i128::from(fees) * 1_000 / i128::from(points);
    format!("{} AVT", avt(i64::try_from(each).unwrap_or(i64::MAX)))
}

type Cell = fn(&Figures) -> String;

const ROWS: &[(&str, Cell)] = &[
    ("orders with an honest party", |f| f.orders.to_string()),
    ("their value", |f| format!("{} AVT", avt(f.value))),
    ("lost by honest agents", |f| share(f.loss())),
    ("  of that, by buyers who never look", |f| share(f.part(f.lost_by_silence))),
    ("  to exit scammers", |f| share(f.part(f.lost_to[0]))),
    ("  to isolated rings", |f| share(f.part(f.lost_to[1]))),
    ("  to rings with bridges", |f| share(f.part(f.lost_to[2]))),
    ("  to serial disputers", |f| share(f.part(f.lost_to[3]))),
    ("  to bad-mouthers", |f| share(f.part(f.lost_to[4]))),
    ("purchases refused: enough waits", |f| f.refused.to_string()),
    ("names that scammers left", |f| f.names.to_string()),
    ("a point for an isolated ring", |f| per_point(f.isolated)),
    ("a point for a ring with bridges", |f| per_point(f.bridged)),
    ("disputes of orders", |f| of(f.disputes, f.orders)),
    ("wrong of those ruled by tier 1", |f| of(f.rulings[0].1, f.rulings[0].0)),
    ("wrong of those ruled by tier 2", |f| of(f.rulings[1].1, f.rulings[1].0)),
    ("wrong of those ruled by tier 3", |f| of(f.rulings[2].1, f.rulings[2].0)),
    ("time to a ruling, median", |f| hours(f.minutes_at(50))),
    ("time to a ruling, 95 of 100", |f| hours(f.minutes_at(95))),
    ("insurance over time", |f| {
        let each = f.insurance.iter().step_by(3).map(|amount| avt(amount.nano()));
        each.collect::<Vec<_>>().join(" ")
    }),
];

/// A row for each figure, a column for each market.
#[must_use]
pub fn table(markets: &[(String, Figures)]) -> String {
    let mut columns: Vec<Vec<String>> = vec![
        std::iter::once(String::new())
            .chain(ROWS.iter().map(|(name, _)| (*name).to_owned()))
            .collect(),
    ];
    for (name, figures) in markets {
        let cells = ROWS.iter().map(|(_, cell)| cell(figures));
        columns.push(std::iter::once(name.clone()).chain(cells).collect());
    }
    let mut text = String::new();
    for row in 0..=ROWS.len() {
        for column in &columns {
            let width = column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
            // Writing to a string cannot fail.
            let _ = write!(text, "{:<width$}  ", column[row]);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
