//! The simulated gateway's payment methods, and what can be done to a payment where it stands.

use std::time::Duration;

use orders::RejectReason;
use orders::ports::PaymentStatus;
use orders::sandbox::{Method, Operation};

#[test]
fn a_method_does_what_its_name_says() {
    let methods = [
        ("pm_card_visa", Method::Succeeds),
        ("pm_card_mastercard", Method::Succeeds),
        ("pm_card_amex", Method::Succeeds),
        ("pm_card_chargeDeclined", Method::Declines(RejectReason::PaymentDeclined)),
        ("pm_card_chargeDeclinedInsufficientFunds", Method::Declines(RejectReason::InsufficientFunds)),
        ("pm_card_authenticationRequired", Method::Declines(RejectReason::AuthenticationRequired)),
        ("pm_sim_timeout_3", Method::TimesOut(3)),
        ("pm_sim_slow_250", Method::Slow(Duration::from_millis(250))),
        ("pm_sim_slow_999999", Method::Slow(Duration::from_secs(60))),
        ("pm_sim_lost_2", Method::LosesAnswers(2)),
        ("pm_sim_down", Method::Down),
    ];
    for (name, method) in methods {
        assert_eq!(Method::of(name), Some(method), "{name}");
    }
    for unknown in ["", "pm_card", "pm_sim_timeout_", "pm_sim_slow_x", "pm_sim_lost_-1", "pm_card_visa_2"] {
        assert_eq!(Method::of(unknown), None, "{unknown}");
    }
}

#[test]
fn an_operation_takes_a_payment_on_only_from_where_it_can() {
    use PaymentStatus::{Processing, Refunded, RequiresConfirmation, Succeeded, Voided};
    let declined = PaymentStatus::Declined(RejectReason::PaymentDeclined);
    let statuses = [RequiresConfirmation, Processing, Succeeded, declined, Voided, Refunded];
    let after = |operation: Operation, method| statuses.map(|status| operation.applied(status, method));
    assert_eq!(after(Operation::Confirm, Method::Succeeds), [Some(Succeeded), None, None, None, None, None]);
    let declines = Method::Declines(RejectReason::PaymentDeclined);
    assert_eq!(after(Operation::Confirm, declines), [Some(declined), None, None, None, None, None]);
    assert_eq!(after(Operation::Void, Method::Succeeds), [Some(Voided), None, None, Some(Voided), None, None]);
    assert_eq!(after(Operation::Refund, Method::Succeeds), [None, None, Some(Refunded), None, None, None]);
}
