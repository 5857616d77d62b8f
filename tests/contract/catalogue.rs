//! `Catalogue`: each change is conditional, and stock never leaves its range.

use orders::Product;
use orders::ports::{Changed, PageRequest};
use orders::product::MAX_STOCK;

use crate::subject::{Subject, order, product};

crate::contract!(
    a_product_is_created_once,
    a_product_is_replaced_only_at_the_version_that_was_read,
    stock_moves_by_deltas_within_its_range,
    a_product_is_deleted_only_when_nothing_of_it_is_reserved,
    a_version_is_never_used_twice,
    products_are_listed_by_sku,
);

async fn a_product_is_created_once(subject: Subject) {
    let mug = subject.stocked("MUG", 5).await;
    assert_eq!((mug.stock, mug.reserved), (5, 0));
    assert_eq!(subject.catalogue.create(&product("MUG", 9)).await.unwrap(), Changed::Conflict(mug.clone()));
    assert_eq!(subject.product("MUG").await, Some(mug));
    assert_eq!(subject.product("TEA").await, None);
}

async fn a_product_is_replaced_only_at_the_version_that_was_read(subject: Subject) {
    let mug = subject.stocked("MUG", 5).await;
    let renamed = Product { name: "Better mug".into(), stock: 6, reserved: 77, ..mug.clone() };
    let Changed::Done(now) = subject.catalogue.replace(&renamed, mug.version).await.unwrap() else { panic!() };
    assert_eq!((now.name.as_str(), now.stock, now.reserved), ("Better mug", 6, 0));
    assert!(now.version > mug.version);
    assert_eq!(subject.catalogue.replace(&renamed, mug.version).await.unwrap(), Changed::Conflict(now.clone()));
    assert_eq!(subject.product("MUG").await, Some(now));
    assert_eq!(subject.catalogue.replace(&product("TEA", 1), 1).await.unwrap(), Changed::Missing);
}

async fn stock_moves_by_deltas_within_its_range(subject: Subject) {
    let mug = subject.stocked("MUG", 5).await;
    let Changed::Done(now) = subject.catalogue.adjust_stock(&mug.sku, -5).await.unwrap() else { panic!() };
    assert_eq!(now.stock, 0);
    assert!(now.version > mug.version);
    for delta in [-1, i64::from(MAX_STOCK) + 1, i64::MIN, i64::MAX] {
        assert_eq!(
            subject.catalogue.adjust_stock(&mug.sku, delta).await.unwrap(),
            Changed::OutOfRange(now.clone()),
            "{delta}"
        );
    }
    let Changed::Done(full) = subject.catalogue.adjust_stock(&mug.sku, MAX_STOCK.into()).await.unwrap() else {
        panic!()
    };
    assert_eq!(full.stock, MAX_STOCK);
    assert_eq!(subject.catalogue.adjust_stock(&"TEA".parse().unwrap(), 1).await.unwrap(), Changed::Missing);
}

async fn a_product_is_deleted_only_when_nothing_of_it_is_reserved(subject: Subject) {
    let mug = subject.stocked("MUG", 5).await;
    let id = subject.accepted(&order("k")).await;
    let mut reserved = subject.orders.get(&id).await.unwrap().unwrap();
    let attempt = orders::order::Attempt { at: reserved.placed.placed_at, number: 1 };
    let taken = reserved.reserve(std::slice::from_ref(&mug), attempt);
    subject.orders.update(&reserved, &taken).await.unwrap();
    let held = subject.product("MUG").await.unwrap();
    assert_eq!(subject.catalogue.delete(&mug.sku, None).await.unwrap(), Changed::Reserved(held.clone()));
    assert_eq!(subject.catalogue.delete(&mug.sku, Some(mug.version)).await.unwrap(), Changed::Conflict(held));

    let mut released = subject.orders.get(&id).await.unwrap().unwrap();
    let returned = released.release(attempt);
    subject.orders.update(&released, &returned).await.unwrap();
    let free = subject.product("MUG").await.unwrap();
    assert_eq!(subject.catalogue.delete(&mug.sku, Some(free.version)).await.unwrap(), Changed::Done(free));
    assert_eq!(subject.catalogue.delete(&mug.sku, None).await.unwrap(), Changed::Missing);
}

async fn a_version_is_never_used_twice(subject: Subject) {
    let mut last = 0;
    for _ in 0..3 {
        let mug = subject.stocked("MUG", 5).await;
        assert!(mug.version > last, "{} after {last}", mug.version);
        let Changed::Done(moved) = subject.catalogue.adjust_stock(&mug.sku, 1).await.unwrap() else { panic!() };
        last = moved.version;
        subject.catalogue.delete(&mug.sku, None).await.unwrap();
    }
}

async fn products_are_listed_by_sku(subject: Subject) {
    for sku in ["C", "A", "E", "B", "D"] {
        subject.stocked(sku, 1).await;
    }
    let (mut skus, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest { limit: 2.try_into().unwrap(), cursor };
        let listed = subject.catalogue.list(&page).await.unwrap();
        skus.extend(listed.items.into_iter().map(|product| product.sku.to_string()));
        cursor = listed.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(skus, ["A", "B", "C", "D", "E"]);
}
