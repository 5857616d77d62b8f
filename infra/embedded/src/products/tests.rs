use orders::ports::Catalogue as _;

use crate::db::Verdict;
use crate::fixture::{Pipeline, tea};

#[tokio::test]
async fn a_file_is_given_products_once_and_all_of_them_or_none() {
    let pipeline = Pipeline::new();
    let embedded = pipeline.open();
    let catalogue = embedded.catalogue();
    let other = orders::Product { sku: "TEA-2".parse().unwrap(), ..tea(5) };
    let both = vec![tea(5), other.clone()];
    let schema =
        |sql: &'static str| embedded.db().write(move |connection| connection.execute_batch(sql).map(Verdict::Keep));
    schema(
        "CREATE TRIGGER broken BEFORE INSERT ON products WHEN new.sku = 'TEA-2' BEGIN SELECT RAISE (ABORT, 'x'); END",
    )
    .await
    .unwrap();
    catalogue.seed(both.clone()).await.unwrap_err();
    assert_eq!(catalogue.get(&[tea(0).sku]).await, Ok(Vec::new()));
    schema("DROP TRIGGER broken").await.unwrap();
    catalogue.seed(both.clone()).await.unwrap();
    assert_eq!(catalogue.get(&[tea(0).sku, other.sku.clone()]).await.unwrap().len(), 2);
    catalogue.delete(&other.sku, None).await.unwrap();
    catalogue.seed(both).await.unwrap();
    assert_eq!(catalogue.get(&[other.sku]).await, Ok(Vec::new()), "what ops deleted stays deleted");
}
