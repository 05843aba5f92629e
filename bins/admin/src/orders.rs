//! `orders list` and `orders show`.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cli::{ListArgs, Role, ShowArgs};
use crate::client::Client;
use crate::report::{inert, table};

const COLUMNS: [(&str, &str); 7] = [
    ("order", "order_id"),
    ("status", "status"),
    ("phase", "phase"),
    ("total", "total"),
    ("buyer", "buyer"),
    ("seller", "seller"),
    ("placed", "created_at"),
];

/// A page of orders, newest first.
pub(crate) async fn list(args: &ListArgs, as_json: bool) -> Result<()> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    let (path, role) = match args.role {
        Role::Operator => ("/api/v1/admin/orders", None),
        Role::Buyer => ("/api/v1/orders", Some("buyer")),
        Role::Seller => ("/api/v1/orders", Some("seller")),
    };
    let mut query = vec![("limit", args.limit.to_string())];
    query.extend(role.map(|role| ("role", role.to_owned())));
    query.extend(args.status.clone().map(|status| ("status", status)));
    query.extend(args.cursor.clone().map(|cursor| ("cursor", cursor)));
    let page = client.get(path, &query).await?;
    if as_json {
        println!("{page:#}");
        return Ok(());
    }
    let orders = page["results"].as_array().context("the server sent no list of orders")?;
    let mut lines = table(&COLUMNS.map(|(title, _)| title));
    for order in orders {
        lines.add_row(COLUMNS.map(|(_, field)| inert(&order[field])));
    }
    println!("{lines}");
    if let Some(cursor) = page["next_cursor"].as_str() {
        println!("more: --cursor {cursor}");
    }
    Ok(())
}

/// All fields of an order.
pub(crate) async fn show(args: &ShowArgs, as_json: bool) -> Result<()> {
    let client = Client::with_key(&args.caller.server, &args.caller.key).await?;
    let order = client.get(&format!("/api/v1/orders/{}", args.order), &[]).await?;
    if as_json {
        println!("{order:#}");
        return Ok(());
    }
    let fields = order.as_object().context("the server sent no order")?;
    let mut lines = table(&["field", "value"]);
    for (name, value) in fields.iter().filter(|(name, _)| *name != "available_actions") {
        lines.add_row([name.clone(), inert(value)]);
    }
    let actions = order["available_actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let actions: Vec<String> = actions.iter().map(|action| inert(&action["action"])).collect();
    lines.add_row(["you may".to_owned(), inert(&Value::String(actions.join(", ")))]);
    println!("{lines}");
    Ok(())
}
