//! Schemas of the scalars: the closed sets of names, taken from the domain so that the document can't drift from it, and the
//! strings with a shape. A field names one as its `value_type`; the rules themselves are in `rules.rs`.

use orders::mail::{MailKind, MailResult};
use orders::money::{CODES, read_currency};
use orders::{Done, Reason, RejectReason, Status, Step};
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

fn one_of<'a>(description: &str, names: impl IntoIterator<Item = &'a str>) -> RefOr<Schema> {
    let object: Object =
        ObjectBuilder::new().schema_type(Type::String).description(Some(description)).enum_values(Some(names)).build();
    object.into()
}

macro_rules! named {
    ($($name:ident $description:literal = $names:expr;)+) => {
        $(
            pub(crate) struct $name;
            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    one_of($description, $names)
                }
            }
            impl ToSchema for $name {
                fn name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

named! {
    CurrencyCode "ISO 4217 code of a currency that circulates; `/currencies` has their decimals." =
        CODES.iter().map(|currency| currency.code()).filter(|code| read_currency(code).is_ok());
    OrderStatus "Where the order stands; `confirmed` and `rejected` are final." = Status::ALL.iter().map(|s| s.name());
    RejectionReason "Why the order was rejected." =
        RejectReason::ALL.iter().map(|reason| reason.name()).chain([Reason::TechnicalFailure.name()]);
    StepName "A step of the workflow." = Step::ALL.iter().map(|step| step.name());
    StepOutcome "What the step came to: what it did, or why it rejected the order." =
        Done::ALL.iter().map(|done| done.name()).chain(RejectReason::ALL.iter().map(|reason| reason.name()));
    MailSubject "What the mail tells the customer." = MailKind::ALL.iter().map(|kind| kind.name());
    MailOutcome "How mailing ended." = MailResult::ALL.iter().map(|result| result.name());
}

/// Documents [`orders::text`].
pub(crate) const TEXT: &str =
    "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]*$";
/// Documents the domain's identifiers.
const TOKEN: &str = "^[A-Za-z0-9._:-]+$";
/// Documents [`super::rules::sku`]: neither `.` nor `..`. Without lookahead, which some readers of schemas don't know.
const SKU: &str = "^([A-Za-z0-9_:-]|\\.[A-Za-z0-9_:-]|\\.\\.[A-Za-z0-9._:-])[A-Za-z0-9._:-]*$";
/// Documents [`orders::email`], but for the local part's 64 characters: it counts those that are no dots.
const EMAIL: &str = "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-](\\.?[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]){0,63}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";

macro_rules! strings {
    ($($name:ident $description:literal = $min:literal to $max:literal of $pattern:expr;)+) => {
        $(
            pub(crate) struct $name;
            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    ObjectBuilder::new()
                        .schema_type(Type::String)
                        .description(Some($description))
                        .min_length(Some($min))
                        .max_length(Some($max))
                        .pattern(Some($pattern))
                        .into()
                }
            }
            impl ToSchema for $name {
                fn name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

strings! {
    OrderId "An order's id." = 30 to 30 of "^ord_[0-9a-hjkmnp-tv-z]{26}$";
    TraceId "A W3C trace id." = 32 to 32 of "^[0-9a-f]{32}$";
    Sku "A stock keeping unit: names a product. Not `.` or `..`, which no address can carry." = 1 to 64 of SKU;
    CustomerId "The storefront's own name for its customer." = 1 to 64 of TOKEN;
    StorefrontName "Who posted the order." = 1 to 64 of TOKEN;
    IdempotencyKey "Printable ASCII; HTTP takes spaces at the ends away." = 1 to 255 of "^[!-~]([ -~]*[!-~])?$";
    Cursor "Opaque; says where a listing goes on." = 1 to 4400 of "^.*$";
    PaymentMethod "The payment gateway's name for how. A reference, never a card number." =
        1 to 128 of "^[A-Za-z][A-Za-z0-9._:-]*$";
    Email "An e-mail address that every mail service takes: before the `@` at most 64 characters, all ASCII, without \
        double dots; after it a domain, in Punycode where it has other letters." = 3 to 254 of EMAIL;
    PersonName "A person's name." = 1 to 200 of TEXT;
    AddressLine "One line of an address." = 1 to 200 of TEXT;
    City "A city." = 1 to 100 of TEXT;
    PostalCode "A postal code." = 1 to 20 of TEXT;
    CountryCode "ISO 3166-1 alpha-2 code." = 2 to 2 of "^[A-Z]{2}$";
    ProductName "What people call it." = 1 to 200 of TEXT;
    ProductDescription "More about it." = 1 to 2000 of TEXT;
}
