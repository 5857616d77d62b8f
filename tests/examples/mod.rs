//! What becomes of `examples/orders/`, wherever the pipeline runs.

/// Each example's file, and its fate as the demo words it.
pub const FATES: [(&str, &str); 7] = [
    ("1-confirmed.json", "confirmed, 37.48 EUR"),
    ("2-card-declined.json", "rejected: PaymentDeclined"),
    ("3-out-of-stock.json", "rejected: OutOfStock"),
    ("4-price-changed.json", "rejected: PriceChanged"),
    ("5-posted-twice.json", "confirmed, 51.96 EUR"),
    ("6-gateway-fails-twice.json", "confirmed, 82.00 EUR"),
    ("7-poison-message.txt", "dead-lettered: Undecodable"),
];
