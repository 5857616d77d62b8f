//! What the mails say, in both of their parts.

use orders::mail::Mail;

use simulation::world::World;

async fn mail(method: &str, quantity: u32) -> Mail {
    let world = World::new();
    let id = world
        .post("order", |content| {
            content.payment_method = method.into();
            content.lines[0].quantity = quantity;
        })
        .await;
    world.run().await;
    world.mailer.last(&id)
}

/// Every amount of money in a text, in its order.
fn amounts(text: &str) -> Vec<&str> {
    let before = |(at, _)| text[..at].rsplit([' ', '>']).next();
    text.match_indices(" EUR").filter_map(before).collect()
}

#[tokio::test(start_paused = true)]
async fn a_name_that_runs_from_right_to_left_reorders_nothing_around_it() {
    for (name, text, html) in [
        ("Ada", "Hello Ada,", "Hello <bdi>Ada</bdi>,"),
        ("שרה", "Hello \u{2068}שרה\u{2069},", "Hello <bdi>שרה</bdi>,"),
        // Stored before such characters were refused.
        ("\u{202e}adA\u{2069}", "Hello adA,", "Hello <bdi>adA</bdi>,"),
    ] {
        let world = World::new();
        let id = world.post("order", |content| content.customer.name = Some(name.into())).await;
        world.run().await;
        let mail = world.mailer.last(&id);
        assert!(mail.text.contains(text), "{}", mail.text);
        assert!(mail.html.contains(html) && mail.html.contains("<bdi>Mug</bdi>"), "{}", mail.html);
    }
}

#[tokio::test(start_paused = true)]
async fn both_parts_of_a_mail_say_the_same() {
    for (method, quantity, told, money) in [
        ("pm_card_visa", 2, "confirmed", &["25.98", "25.98"][..]),
        ("pm_card_chargeDeclined", 2, "Your bank declined the payment.", &["25.98", "25.98"]),
        ("pm_card_visa", 11, "We do not have enough of what you ordered.", &[]),
    ] {
        let mail = mail(method, quantity).await;
        for part in [&mail.text, &mail.html] {
            assert_eq!(amounts(part), money, "{part}");
            let part = part.replace("<bdi>", "").replace("</bdi>", "");
            for text in [told, mail.order_id.as_str(), "Hello Ada,", "Mug", &quantity.to_string()] {
                assert!(part.contains(text), "no `{text}`: {part}");
            }
        }
    }
}
