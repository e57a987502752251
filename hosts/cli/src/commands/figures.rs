//! `slackcrm conversion`, `forecast`, `velocity`, `sales`, `revenue`, `funnel`, `leaderboard` and
//! `dashboard`.

use crm_core::analytics::{Amounts, Days, Done, Earned, Explanation, Pace, Report, Tally};
use crm_core::{Money, Session, Totals};
use serde::Serialize;

use crate::args::Output;
use crate::args::figures::{ConversionOf, Question, SalesOf};
use crate::failure::Failure;
use crate::print::{Sheet, remark, word};

/// Prints conversion: a row a stage.
pub(crate) async fn conversion(session: &Session, asked: &ConversionOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().conversion(&asked.question.request(), asked.options()).await?;
    let mut sheet = Sheet::new(&[
        "Stage",
        "At start#",
        "Entries#",
        "Advanced#",
        "Lost#",
        "Moved back#",
        "Still there#",
        "Reached#",
        "Next#",
        "Cumulative#",
    ]);
    for stage in &report.figures.stages {
        let counts = [
            stage.at_start,
            stage.entries,
            stage.advanced,
            stage.lost,
            stage.moved_back,
            stage.still_there,
            stage.reached,
        ];
        let mut row = vec![stage.name.clone()];
        row.extend(counts.map(grouped));
        row.extend([percent(stage.next_rate), percent(stage.cumulative_rate)]);
        sheet.row(row);
    }
    print(&sheet, output, &report)
}

/// Prints a forecast: a row a month, then the sum, then what has no day.
pub(crate) async fn forecast(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().forecast(&asked.request()).await?;
    let mut sheet =
        Sheet::new(&["Month", "Open#", "Pipeline#", "Best case#", "Commit#", "Weighted#", "Won#", "Closed#"]);
    for month in &report.figures.months {
        sheet.row(amounts(month.month.format("%Y-%m").to_string(), &month.amounts));
    }
    sheet.row(amounts("Total".to_owned(), &report.figures.total));
    sheet.row(amounts("Undated".to_owned(), &report.figures.undated));
    print(&sheet, output, &report)?;
    let total = &report.figures.total;
    if let Some(converted) = &total.converted {
        let nothing = Totals::default();
        together(output, "Weighted", total.weighted.as_ref(), converted.weighted, &nothing);
        together(output, "Closed", total.closed.as_ref(), converted.closed, &nothing);
        if converted.without_rate != nothing {
            remark(output, &format!("Both without {}, which has no rate", money(Some(&converted.without_rate))));
        }
    }
    Ok(())
}

fn amounts(name: String, amounts: &Amounts) -> Vec<String> {
    vec![
        name,
        grouped(amounts.open_count),
        money(amounts.pipeline.as_ref()),
        money(amounts.best_case.as_ref()),
        money(amounts.commit.as_ref()),
        money(amounts.weighted.as_ref()),
        grouped(amounts.closed_count),
        money(amounts.closed.as_ref()),
    ]
}

/// Prints velocity: a row a stage, then the cycles, then what a day brings.
pub(crate) async fn velocity(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().velocity(&asked.request()).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&["What", "Count#", "Mean days#", "Median#", "90th percentile#"]);
    for stage in &figures.stages {
        sheet.row(days(stage.name.clone(), stage.left));
        sheet.row(days(format!("{} (staying)", stage.name), stage.staying));
    }
    sheet.row(days("Won cycle".to_owned(), figures.won_cycle));
    sheet.row(days("Lost cycle".to_owned(), figures.lost_cycle));
    print(&sheet, output, &report)?;
    remark(output, &format!("Win rate {}, {} open", percent(figures.win_rate), grouped(figures.opportunities)));
    for Pace { opportunities, average_deal, per_day } in figures.pace.iter().flatten() {
        let each = format!("{} open x {average_deal} x win rate / won cycle", grouped(*opportunities));
        remark(output, &format!("Sales velocity {per_day} a day: {each}"));
    }
    if let (Some([_, _, ..]), Some(converted)) = (figures.pace.as_deref(), &figures.converted) {
        let left_out = &converted.without_rate;
        let together = converted.per_day.map(|per_day| sum("Sales velocity a day", per_day, left_out));
        remark(output, &together.unwrap_or_else(|| format!("No rate of {}", money(Some(left_out)))));
    }
    Ok(())
}

fn days(name: String, days: Days) -> Vec<String> {
    let cell = |days: Option<f64>| days.map(|days| format!("{days:.2}")).unwrap_or_default();
    vec![name, grouped(days.count), cell(days.mean), cell(days.median), cell(days.p90)]
}

/// Prints sales: a row a period, then the sum.
pub(crate) async fn sales(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().sales(&asked.question.request(), asked.every).await?;
    let mut sheet = Sheet::new(&["Period", "Won#", "Won value#", "Average#", "Lost#", "Win rate#"]);
    for period in &report.figures.periods {
        sheet.row(tally(period.period.to_string(), &period.tally));
    }
    let total = &report.figures.total;
    sheet.row(tally("Total".to_owned(), total));
    print(&sheet, output, &report)?;
    if let Some(converted) = &total.converted {
        together(output, "Won value", total.won_value.as_ref(), converted.won_value, &converted.without_rate);
    }
    Ok(())
}

fn tally(name: String, tally: &Tally) -> Vec<String> {
    vec![
        name,
        grouped(tally.won),
        money(tally.won_value.as_ref()),
        money(tally.average_deal.as_ref()),
        grouped(tally.lost),
        percent(tally.win_rate),
    ]
}

/// Prints revenue: a row a period, an owner, a source and a currency, then the sum.
pub(crate) async fn revenue(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().revenue(&asked.question.request(), asked.every).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&["By", "Which", "Won#", "Won value#", "Average#"]);
    let mut row = |by: &str, which: String, earned: &Earned| {
        let value = [earned.won_value.as_ref(), earned.average_deal.as_ref()].map(money);
        sheet.row([by.to_owned(), which, grouped(earned.won)].into_iter().chain(value).collect());
    };
    for one in &figures.periods {
        row("period", one.period.to_string(), &one.earned);
    }
    for one in &figures.owners {
        let nameless = || one.owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        row("owner", one.name.clone().unwrap_or_else(nameless), &one.earned);
    }
    for one in figures.sources.iter().flatten() {
        row("source", one.source.clone().unwrap_or_else(|| "none".to_owned()), &one.earned);
    }
    for one in figures.currencies.iter().flatten() {
        row("currency", one.currency.to_string(), &one.earned);
    }
    row("total", String::new(), &figures.total);
    print(&sheet, output, &report)?;
    let total = &figures.total;
    if let Some(converted) = &total.converted {
        together(output, "Won value", total.won_value.as_ref(), converted.won_value, &converted.without_rate);
    }
    Ok(())
}

/// Prints the funnel: a row a step.
pub(crate) async fn funnel(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().funnel(&asked.request()).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&["Lifecycle", "Here#", "Reached#", "Next#", "Cumulative#"]);
    for step in &figures.steps {
        let rates = [step.next_rate, step.cumulative_rate].map(percent);
        let numbers = [step.here, step.reached].map(grouped);
        sheet.row([word(&step.lifecycle)].into_iter().chain(numbers).chain(rates).collect());
    }
    print(&sheet, output, &report)?;
    let [contacts, churned, other] = [figures.contacts, figures.churned, figures.other].map(grouped);
    remark(output, &format!("{contacts} contacts, {churned} of them churned and {other} outside of the funnel"));
    Ok(())
}

/// Prints activities: a row a period and a person, then the sum. What the caller may not read is empty.
pub(crate) async fn activities(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().activities(&asked.question.request(), asked.every).await?;
    let figures = &report.figures;
    let mut sheet = Sheet::new(&[
        "By",
        "Which",
        "Notes#",
        "Tasks#",
        "Calls#",
        "E-mails#",
        "Meetings#",
        "Moved#",
        "Won#",
        "Lost#",
        "Contacts#",
        "Companies#",
        "Deals#",
    ]);
    let mut row = |by: &str, which: String, done: &Done| {
        let (tasks, deals) = (done.tasks, done.deals);
        let numbers = [
            done.notes,
            tasks.map(|tasks| tasks.done),
            tasks.map(|tasks| tasks.call),
            tasks.map(|tasks| tasks.email),
            tasks.map(|tasks| tasks.meeting),
            deals.map(|deals| deals.moved),
            deals.map(|deals| deals.won),
            deals.map(|deals| deals.lost),
            done.new_contacts,
            done.new_companies,
            done.new_deals,
        ];
        let cells = numbers.map(|number| number.map(grouped).unwrap_or_default());
        sheet.row([by.to_owned(), which].into_iter().chain(cells).collect());
    };
    for one in &figures.periods {
        row("period", one.period.to_string(), &one.done);
    }
    for one in &figures.people {
        let nameless = || one.user_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        row("person", one.name.clone().unwrap_or_else(nameless), &one.done);
    }
    row("total", String::new(), &figures.total);
    print(&sheet, output, &report)
}

/// Prints a dashboard: a line a figure; all of them as JSON.
pub(crate) async fn dashboard(session: &Session, asked: &SalesOf, output: Output) -> Result<(), Failure> {
    let report = session.analytics().dashboard(&asked.question.request(), asked.every).await?;
    let figures = &report.figures;
    let (sales, forecast, undated) = (&figures.sales.total, &figures.forecast.total, &figures.forecast.undated);
    let mut sheet = Sheet::new(&["Figure", "Value#"]);
    let days = |days: Option<f64>| days.map(|days| format!("{days:.2} days")).unwrap_or_default();
    let best = figures.leaderboard.ranks.first().and_then(|rank| rank.name.clone()).unwrap_or_default();
    for (figure, value) in [
        ("Won", grouped(sales.won)),
        ("Lost", grouped(sales.lost)),
        ("Win rate", percent(sales.win_rate)),
        ("Won value", money(sales.won_value.as_ref())),
        ("Average deal", money(sales.average_deal.as_ref())),
        ("Open", grouped(figures.velocity.opportunities)),
        ("Forecast, weighted", money(forecast.weighted.as_ref())),
        ("Undated, weighted", money(undated.weighted.as_ref())),
        ("Won cycle, median", days(figures.velocity.won_cycle.median)),
        ("Best seller", best),
    ] {
        sheet.row(vec![figure.to_owned(), value]);
    }
    print(&sheet, output, &report)
}

/// Prints the leaderboard: a row a member.
pub(crate) async fn leaderboard(session: &Session, asked: &Question, output: Output) -> Result<(), Failure> {
    let report = session.analytics().team(&asked.request()).await?;
    let mut sheet = Sheet::new(&["Member", "Won#", "Won value#", "Average#", "Lost#", "Win rate#", "Open#"]);
    for rank in &report.figures.ranks {
        let nameless = || rank.owner_id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        let mut row = tally(rank.name.clone().unwrap_or_else(nameless), &rank.tally);
        row.push(grouped(rank.open));
        sheet.row(row);
    }
    print(&sheet, output, &report)
}

/// Prints figures, and below them what stands behind them.
fn print<T: Serialize>(sheet: &Sheet, output: Output, report: &Report<T>) -> Result<(), Failure> {
    sheet.print(output, report)?;
    for Explanation { figure, definition, denominator, id_count, .. } in report.explanations.iter().flatten() {
        let whole = denominator.map(|whole| format!(" of {}", grouped(whole))).unwrap_or_default();
        remark(output, &format!("{figure}: {}{whole} records: {definition}", grouped(*id_count)));
    }
    Ok(())
}

/// Says what a sum is in the workspace's currency, where that is not what stands above already.
pub(super) fn together(output: Output, what: &str, shown: Option<&Totals>, sum: Money, without_rate: &Totals) {
    let stands_above = shown.is_none_or(|totals| totals.iter().all(|total| total == sum));
    if !stands_above {
        remark(output, &self::sum(what, sum, without_rate));
    }
}

/// A sum in the workspace's currency, and what is no part of it.
fn sum(what: &str, sum: Money, without_rate: &Totals) -> String {
    let left_out = money(Some(without_rate));
    let left_out = if left_out.is_empty() { left_out } else { format!(", without {left_out}, which has no rate") };
    format!("{what} together {sum}{left_out}")
}

/// A share in a cell.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map(|share| format!("{:.2} %", share * 100.0)).unwrap_or_default()
}

/// Amounts per currency in one cell.
pub(super) fn money(totals: Option<&Totals>) -> String {
    let sums = |totals: &Totals| totals.iter().map(|money: Money| money.to_string()).collect::<Vec<_>>().join(", ");
    totals.map_or_else(|| "hidden".to_owned(), sums)
}

/// A number with commas between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
