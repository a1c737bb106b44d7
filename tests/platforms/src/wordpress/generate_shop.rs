//! Shops made from a seed.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::generate::{Counts, DAY_S, past, title};
use super::state::State;
use super::woo::Woo;

fn fields(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value {
        fields
    } else {
        Map::new()
    }
}

/// Fills a shop that was off.
pub(super) fn fill(state: &mut State, rng: &mut Rng, counts: &Counts) {
    let mut woo = Woo::new();
    let now = past(state, 30 * DAY_S);
    woo.keys
        .push(("ck_practice_read".to_owned(), "cs_practice_read".to_owned(), false));
    woo.keys
        .push(("ck_practice_write".to_owned(), "cs_practice_write".to_owned(), true));
    let category = woo.add(
        "products/categories",
        fields(json!({"name": "Tools", "slug": "tools", "parent": 0})),
        now,
    );
    woo.add(
        "products/attributes",
        fields(json!({"name": "Size", "slug": "pa_size", "type": "select", "order_by": "menu_order"})),
        now,
    );
    let mut products = Vec::new();
    for number in 0..counts.products {
        let variable = number % 5 == 0;
        let product = json!({
            "name": title(rng, number + 1), "slug": format!("product-{}", number + 1), "sku": format!("SKU-{:05}", number + 1),
            "type": if variable { "variable" } else { "simple" }, "status": if number % 17 == 16 { "draft" } else { "publish" },
            "regular_price": format!("{}.90", rng.u32(3..300)), "stock_quantity": rng.u32(0..90), "categories": [{"id": category}],
        });
        let id = woo.add("products", fields(product), now);
        products.push(id);
        if variable {
            for size in ["S", "M"] {
                let variation = json!({"sku": format!("SKU-{:05}-{size}", number + 1), "status": "publish", "attributes": [{"name": "Size", "option": size}]});
                woo.add(&format!("products/{id}/variations"), fields(variation), now);
            }
        }
    }
    let customers: Vec<u64> = (0..counts.orders / 3 + 1)
        .map(|number| {
            let customer = json!({"email": format!("buyer{number}@example.com"), "first_name": "Buyer", "last_name": number.to_string(), "role": "customer"});
            woo.add("customers", fields(customer), now)
        })
        .collect();
    for number in 0..counts.orders {
        orders(&mut woo, rng, number, &products, &customers, now);
    }
    woo.add(
        "coupons",
        fields(json!({"code": "welcome10", "amount": "10.00", "discount_type": "percent", "status": "publish"})),
        now,
    );
    woo.add(
        "taxes",
        fields(json!({"country": "DE", "rate": "19.0000", "name": "VAT", "class": "standard"})),
        now,
    );
    woo.add("webhooks", fields(json!({"name": "Order created", "topic": "order.created", "status": "active", "delivery_url": "https://hooks.example/orders"})), now);
    let zone = woo.add("shipping/zones", fields(json!({"name": "Home", "order": 0})), now);
    woo.add(
        &format!("shipping/zones/{zone}/methods"),
        fields(json!({"method_id": "flat_rate", "enabled": true, "settings": {"cost": {"value": "4.90"}}})),
        now,
    );
    woo.lists.insert(
        format!("shipping/zones/{zone}/locations"),
        vec![fields(json!({"code": "DE", "type": "country"}))],
    );
    let classes = [("standard", "Standard rate"), ("reduced-rate", "Reduced rate")];
    woo.lists.insert(
        "taxes/classes".to_owned(),
        classes
            .map(|(slug, name)| fields(json!({"slug": slug, "name": name})))
            .to_vec(),
    );
    let gateways = [("bacs", "Bank transfer"), ("cheque", "Cheque")];
    let gateways = gateways.map(|(id, title)| fields(json!({"id": id, "title": title, "enabled": id == "bacs", "settings": {"api_secret": {"id": "api_secret", "type": "password", "value": "not-for-backups"}}})));
    woo.lists.insert("payment_gateways".to_owned(), gateways.to_vec());
    let groups = [("general", "General"), ("products", "Products")];
    woo.lists.insert(
        "settings".to_owned(),
        groups
            .map(|(id, label)| fields(json!({"id": id, "label": label})))
            .to_vec(),
    );
    woo.lists.insert(
        "settings/general".to_owned(),
        vec![fields(
            json!({"id": "woocommerce_currency", "label": "Currency", "type": "select", "value": "EUR"}),
        )],
    );
    woo.lists.insert(
        "settings/products".to_owned(),
        vec![fields(
            json!({"id": "woocommerce_weight_unit", "label": "Weight unit", "type": "select", "value": "kg"}),
        )],
    );
    state.woo = Some(woo);
}

fn orders(woo: &mut Woo, rng: &mut Rng, number: usize, products: &[u64], customers: &[u64], at: Timestamp) {
    let product = if products.is_empty() {
        0
    } else {
        products[rng.usize(..products.len())]
    };
    let cents = rng.u32(300..90_000);
    let total = format!("{}.{:02}", cents / 100, cents % 100);
    let status = ["completed", "processing", "pending", "completed", "refunded", "trash"][number % 6];
    let order = json!({
        "number": (number + 1).to_string(), "status": status,
        "currency": "EUR", "customer_id": customers[rng.usize(..customers.len())], "total": total,
        "line_items": [{"id": 1, "product_id": product, "quantity": 1, "total": total}],
    });
    let at = at
        .saturating_sub(Duration::from_secs(rng.u64(0..200 * DAY_S)))
        .unwrap_or(at);
    let id = woo.add("orders", fields(order), at);
    woo.add(
        &format!("orders/{id}/notes"),
        fields(json!({"note": "Payment received.", "customer_note": false})),
        at,
    );
    if number % 6 == 4 {
        woo.add(
            &format!("orders/{id}/refunds"),
            fields(json!({"amount": total, "reason": "Returned"})),
            at,
        );
    }
}
