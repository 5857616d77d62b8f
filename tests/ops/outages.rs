//! An outage of each step and each queue, and its repair: the step's letter goes back, the order ends where it belongs,
//! and nothing happens twice. Over the ports, with the real workers, queues and engine.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ops::drive::{self, ReplayPlan, Summary};
use ops::{Exported, Letter, NewRun, Operations as _};
use orders::mail::MailResult;
use orders::ports::ops::{Action, ExecutionStatus, Executions};
use orders::ports::{Catalogue as _, OrderStore as _, PageRequest, Workflow as _};
use orders::{Order, OrderId, Queue, Status, Step};
use serde_json::Value;
use tokio::sync::watch;

use crate::shop::Shop;

impl Shop {
    fn breaks(&self, steps: &[Step]) {
        self.broken.steps.lock().extend(steps);
    }

    fn mends(&self, step: Step) {
        self.broken.steps.lock().remove(&step);
    }

    async fn letters(&self, queue: Queue) -> Vec<Letter> {
        let page = PageRequest { limit: const { std::num::NonZeroU32::new(100).unwrap() }, cursor: None };
        self.ops().letters(queue, &Default::default(), &page).await.unwrap().items
    }

    /// The one dead letter of the step, once it is there.
    async fn letter(&self, step: Step) -> Letter {
        self.dead_letters_of(step.queue(), 1).await;
        let letter = self.letters(step.queue()).await.remove(0);
        assert_eq!(letter.cause.step, Some(step));
        letter
    }

    async fn replays(&self, queue: Queue) -> Summary {
        // A run takes what was there in an earlier millisecond.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let (ops, plan) = (self.ops(), ReplayPlan::default());
        let run = drive::begin_replay(&ops, queue, &plan).await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let summary = drive::replay(&ops, &run, &plan, &|_| Ok(None), &stopped, &mut |_| {}).await.unwrap();
        drop(stop);
        summary
    }

    async fn puts_back(&self, queue: Queue, letter: &Letter) {
        let (ops, new) = (self.ops(), NewRun { action: Action::Import, queue: Some(queue), how: Value::Null });
        let run = ops.begin(&new).await.unwrap();
        ops.import(&run.id, &[Exported::of(queue, letter)]).await.unwrap();
        ops.finish(&run.id).await.unwrap();
    }

    /// The step is mended, and its letter is all that it takes.
    async fn repairs(&self, step: Step) {
        let letter = self.letter(step).await;
        assert_eq!(letter.refusal, None, "{step} of an order that is {:?}", letter.order);
        self.mends(step);
        assert_eq!(self.replays(step.queue()).await, Summary { done: 1, ..Summary::default() }, "{step}");
    }

    async fn order(&self, id: &OrderId) -> Order {
        self.embedded.orders().get(id).await.unwrap().unwrap()
    }

    /// The execution has succeeded, no message is left, and money and goods are where they belong.
    async fn ends(&self, id: &OrderId, status: Status, movements: usize) {
        self.quiet(std::slice::from_ref(id)).await;
        let order = self.order(id).await;
        assert_eq!(order.progress.status, status);
        let execution = self.embedded.workflow();
        let execution = Executions::describe(&*execution, id).await.unwrap().unwrap();
        assert_eq!(execution.status, ExecutionStatus::Succeeded);
        let mails = self.embedded.mailbox().of_order(id).await.unwrap();
        assert_eq!(mails.len(), 1, "one mail");
        assert_eq!(order.progress.mail.unwrap().result, Some(MailResult::Sent));
        assert_eq!(self.embedded.gateway().ledger(id).await.unwrap().len(), movements);
        let mug = self.embedded.catalogue().get(&["MUG".parse().unwrap()]).await.unwrap().remove(0);
        let stock = if status == Status::Confirmed { 999 } else { 1000 };
        assert_eq!((mug.stock, mug.reserved), (stock, 0));
        for queue in Queue::ALL {
            assert!(self.letters(*queue).await.is_empty(), "{queue}");
        }
    }
}

#[tokio::test]
async fn each_forward_step_can_be_sent_on_after_its_outage() {
    let shop = Shop::open().await;
    shop.breaks(Step::ALL);
    let id = shop.accept(1).await.remove(0);
    shop.work(async {
        for step in [Step::Dispatch, Step::ReserveInventory, Step::ChargePayment, Step::SendConfirmation] {
            shop.repairs(step).await;
        }
        shop.ends(&id, Status::Confirmed, 1).await;
    })
    .await;
}

#[tokio::test]
async fn each_compensation_can_be_sent_on_after_its_outage() {
    let shop = Shop::open().await;
    shop.breaks(Step::ALL);
    let id = shop.accept(1).await.remove(0);
    shop.work(async {
        for step in [Step::Dispatch, Step::ReserveInventory, Step::ChargePayment] {
            shop.repairs(step).await;
        }
        shop.letter(Step::SendConfirmation).await;
        shop.ops().cancel(&id).await.unwrap();
        for step in [Step::SendConfirmation, Step::RefundPayment, Step::ReleaseInventory, Step::NotifyRejected] {
            shop.repairs(step).await;
        }
        shop.ends(&id, Status::Rejected, 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_was_not_sent_can_be_sent_though_its_order_is_final() {
    let shop = Shop::open().await;
    shop.broken.mail.store(true, Ordering::SeqCst);
    let id = shop.accept(1).await.remove(0);
    shop.work(async {
        let letter = shop.letter(Step::SendConfirmation).await;
        assert_eq!(letter.cause.error, "MailUnavailable");
        assert_eq!(shop.order(&id).await.progress.status, Status::Confirmed, "before its mail");
        shop.broken.mail.store(false, Ordering::SeqCst);
        shop.repairs(Step::SendConfirmation).await;
        shop.ends(&id, Status::Confirmed, 1).await;
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_confirmed_already_can_still_be_closed_and_mailed() {
    let shop = Shop::open().await;
    shop.broken.mail.store(true, Ordering::SeqCst);
    shop.breaks(&[Step::CloseOrder]);
    let id = shop.accept(1).await.remove(0);
    shop.work(async {
        // Its mail waits; meanwhile the workflow gives it up.
        let letter = shop.letter(Step::SendConfirmation).await;
        let body: Value = serde_json::from_str(&letter.body).unwrap();
        let token = serde_json::from_value(body["task_token"].clone()).unwrap();
        shop.embedded.workflow().fail(&token, "Compensated", "a test").await.unwrap();
        shop.repairs(Step::CloseOrder).await;
        shop.quiet(std::slice::from_ref(&id)).await;
        assert_eq!(shop.order(&id).await.progress.mail.unwrap().result, Some(MailResult::Failed));
        shop.broken.mail.store(false, Ordering::SeqCst);
        shop.repairs(Step::SendConfirmation).await;
        shop.ends(&id, Status::Confirmed, 1).await;
    })
    .await;
}

#[tokio::test]
async fn a_step_whose_answer_was_lost_is_answered_by_its_letter_and_not_done_again() {
    let shop = Shop::open().await;
    shop.broken.first_answers.store(true, Ordering::SeqCst);
    let id = shop.accept(1).await.remove(0);
    shop.work(async {
        for step in [Step::ReserveInventory, Step::ChargePayment, Step::SendConfirmation] {
            let letter = shop.letter(step).await;
            assert!(shop.order(&id).await.outcome(step).is_some(), "{step} is done");
            shop.repairs(step).await;
            // The same once more: by then the step is answered.
            shop.puts_back(step.queue(), &letter).await;
        }
        shop.quiet(std::slice::from_ref(&id)).await;
        for step in [Step::ReserveInventory, Step::ChargePayment, Step::SendConfirmation] {
            let refusal = shop.letter(step).await.refusal.unwrap();
            assert!(refusal.contains("nothing waits for its answer"), "{step}: {refusal}");
            assert_eq!(shop.replays(step.queue()).await, Summary { refused: 1, ..Summary::default() });
            shop.embedded.queues().purge(orders::step::QueueName::dlq(step.queue())).await.unwrap();
        }
        shop.ends(&id, Status::Confirmed, 1).await;
    })
    .await;
}
