//! Stripe's stand-in. A request with a key is remembered with its answer once it ran, whatever the answer (API reference,
//! "Idempotent requests"); a payment goes through the states of a PaymentIntent.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// A status and a body.
pub type Answer = (u16, Value);

/// What happens to a request instead of its answer.
pub enum Fault {
    /// Nothing runs, and nothing is remembered.
    Instead(Answer),
    /// It fails without effect, and that is remembered.
    FailsBefore,
    /// It takes effect and fails, and the failure is remembered.
    FailsAfter,
}

/// One request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub line: String,
    pub key: Option<String>,
    pub body: String,
}

#[derive(Default)]
struct State {
    payments: BTreeMap<String, Payment>,
    keys: HashMap<String, (Sent, Answer)>,
    faults: VecDeque<Fault>,
    captures: u32,
    refunds: u32,
}

struct Payment {
    status: &'static str,
    method: String,
    error: Value,
    refunded: bool,
}

pub struct Stripe {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Answers(Arc<Mutex<State>>);

impl Stripe {
    pub async fn start() -> Self {
        let (server, state) = (MockServer::start().await, Arc::new(Mutex::new(State::default())));
        Mock::given(any()).respond_with(Answers(state.clone())).mount(&server).await;
        Self { server, state }
    }

    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// Answers the next request so, and does nothing.
    pub fn answer(&self, status: u16, body: Value) {
        self.fault(Fault::Instead((status, body)));
    }

    pub fn fault(&self, fault: Fault) {
        self.state.lock().faults.push_back(fault);
    }

    /// A day goes by.
    pub fn prune_keys(&self) {
        self.state.lock().keys.clear();
    }

    /// How often money was taken and given back.
    pub fn movements(&self) -> (u32, u32) {
        let state = self.state.lock();
        (state.captures, state.refunds)
    }

    pub fn payments(&self) -> usize {
        self.state.lock().payments.len()
    }

    pub async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// The last request.
    pub async fn sent(&self) -> Sent {
        Sent::from(self.requests().await.last().unwrap())
    }
}

impl From<&Request> for Sent {
    fn from(request: &Request) -> Self {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Self {
            line: format!("{} {}{query}", request.method, request.url.path()),
            key: request.headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned()),
            body: String::from_utf8(request.body.clone()).unwrap(),
        }
    }
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let (status, body) = self.0.lock().answer(Sent::from(request));
        let template = ResponseTemplate::new(status).insert_header("request-id", "req_1");
        match body {
            Value::String(text) => template.set_body_string(text),
            body => template.set_body_json(body),
        }
    }
}

impl State {
    fn answer(&mut self, sent: Sent) -> Answer {
        let fault = self.faults.pop_front();
        if let Some(Fault::Instead(answer)) = fault {
            return answer;
        }
        let Some(key) = sent.key.clone() else { return self.run(&sent) };
        match self.keys.get(&key) {
            Some((first, answer)) if *first == sent => return answer.clone(),
            Some(_) => return error(400, json!({"type": "idempotency_error"})),
            None => {}
        }
        let failure = error(500, json!({"type": "api_error"}));
        let answer = match fault {
            Some(Fault::FailsBefore) => failure,
            Some(_) => {
                self.run(&sent);
                failure
            }
            None => self.run(&sent),
        };
        self.keys.insert(key, (sent, answer.clone()));
        answer
    }

    fn run(&mut self, sent: &Sent) -> Answer {
        let path: Vec<&str> = sent.line.split([' ', '/', '?']).filter(|part| !part.is_empty()).collect();
        match path[..] {
            ["POST", "v1", "payment_intents"] => self.create(field(&sent.body, "payment_method")),
            ["POST", "v1", "refunds"] => self.refund(field(&sent.body, "payment_intent")),
            ["POST", "v1", "payment_intents", id, "confirm"] => self.confirm(id),
            ["POST", "v1", "payment_intents", id, "cancel"] => match self.payments.get_mut(id) {
                Some(payment) if matches!(payment.status, "requires_confirmation" | "requires_payment_method") => {
                    payment.status = "canceled";
                    (200, self.intent(id))
                }
                _ => unexpected_state(),
            },
            ["GET", "v1", "payment_intents", id, "expand[0]=latest_charge"] => {
                let mut intent = self.intent(id);
                if intent["latest_charge"].is_string() {
                    intent["latest_charge"] = json!({"id": "ch_1", "refunded": self.payments[id].refunded});
                }
                (200, intent)
            }
            _ => error(404, json!({"type": "invalid_request_error"})),
        }
    }

    fn create(&mut self, method: &str) -> Answer {
        if !method.starts_with("pm_") {
            return error(
                400,
                json!({"type": "invalid_request_error", "code": "resource_missing", "param": "payment_method"}),
            );
        }
        let id = format!("pi_{}", self.payments.len());
        let payment =
            Payment { status: "requires_confirmation", method: method.into(), error: Value::Null, refunded: false };
        self.payments.insert(id.clone(), payment);
        (200, self.intent(&id))
    }

    fn confirm(&mut self, id: &str) -> Answer {
        let Some(payment) = self.payments.get_mut(id).filter(|payment| payment.status == "requires_confirmation")
        else {
            return unexpected_state();
        };
        if payment.method == "pm_card_chargeDeclined" {
            payment.status = "requires_payment_method";
            payment.error = json!({"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"});
            return error(402, payment.error.clone());
        }
        payment.status = "succeeded";
        self.captures += 1;
        (200, self.intent(id))
    }

    fn refund(&mut self, id: &str) -> Answer {
        match self.payments.get_mut(id) {
            Some(payment) if payment.refunded => {
                error(400, json!({"type": "invalid_request_error", "code": "charge_already_refunded"}))
            }
            Some(payment) if payment.status == "succeeded" => {
                payment.refunded = true;
                self.refunds += 1;
                (200, json!({"id": "re_1", "object": "refund", "status": "succeeded"}))
            }
            _ => error(400, json!({"type": "invalid_request_error", "param": "payment_intent"})),
        }
    }

    fn intent(&self, id: &str) -> Value {
        let Payment { status, error, .. } = &self.payments[id];
        let charge = (*status == "succeeded").then_some("ch_1");
        json!({"id": id, "object": "payment_intent", "status": status, "last_payment_error": error, "latest_charge": charge})
    }
}

/// An error as Stripe wraps it, with a message that must not get anywhere.
pub fn error(status: u16, mut error: Value) -> Answer {
    error["message"] = "about ada@example.com".into();
    (status, json!({"error": error}))
}

fn unexpected_state() -> Answer {
    error(400, json!({"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}))
}

fn field<'a>(form: &'a str, name: &str) -> &'a str {
    form.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
}
