//! What the command runs with: flags, then environment, then `orderflow.toml`, then defaults.

use std::env::VarError;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use jiff::SignedDuration;
use orderflow_embedded::Triggers;
use orders::Storefront;
use producer::auth::{Access, ApiKey, Scope};
use producer::misfit::{Format, Misfit};

use crate::args::{Durability, KeyEntry, LogFormat, ServeArgs, Settings};
use crate::http_server::Limits;
use crate::reconciling::Schedule;
use crate::triggers::triggers;

/// Everything `serve` needs to know.
pub struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    pub durability: Durability,
    pub triggers: Triggers,
    pub backlog_limit: usize,
    pub rate_limit: NonZeroU32,
    pub access: Access,
    /// A new database gets the example products.
    pub examples: bool,
    pub smtp: Option<Smtp>,
    /// Stripe's secret key. Without it payments are simulated.
    pub stripe_key: Option<String>,
    pub log_format: Option<LogFormat>,
    pub log: String,
    /// How often a failing message is tried, and how long it stays away.
    pub retries: workers::Settings,
    pub reconcile: Schedule,
    pub http: Limits,
    /// How long what is in hand may take after a stop was asked for.
    pub stop_within: Duration,
}

/// An SMTP server, and who mails through it.
pub struct Smtp {
    pub url: String,
    pub from: String,
}

/// A request has as long ([`producer::REQUEST_TIMEOUT`]), so what clients wait for is finished.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Longer, and whoever stops the process believes that it hangs.
const LONGEST_STOP: Duration = Duration::from_secs(3_600);

/// Short keys can be guessed.
const SHORTEST_KEY: usize = 16;

impl Config {
    /// # Errors
    /// What is wrong, where, and what would be right.
    pub fn load(args: &ServeArgs) -> Result<Self> {
        let mut settings = args.settings.clone();
        if let Some(keys) = variable("ORDERFLOW_API_KEYS")? {
            settings.api_keys = parse_keys(&keys).context("in ORDERFLOW_API_KEYS")?;
        }
        settings.smtp_url = variable("ORDERFLOW_SMTP_URL")?;
        settings.stripe_key = variable("ORDERFLOW_STRIPE_KEY")?;
        Self::resolve(settings.or(read_file(args.config.as_deref())?))
    }

    fn resolve(settings: Settings) -> Result<Self> {
        let listen = settings.listen.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080));
        let access = access(settings.api_keys)?;
        ensure_loopback_or_keys(listen, &access)?;
        let from = settings.mail_from.unwrap_or_else(|| "orders@localhost".to_owned());
        Ok(Self {
            listen,
            data: settings.data.unwrap_or_else(|| PathBuf::from("data")),
            durability: settings.durability.unwrap_or(Durability::Full),
            triggers: triggers(&settings.triggers)?,
            backlog_limit: settings.backlog_limit.unwrap_or(100_000),
            rate_limit: settings.rate_limit.unwrap_or(const { NonZeroU32::new(10_000).expect("not zero") }),
            access,
            examples: settings.examples.unwrap_or(true),
            smtp: settings.smtp_url.map(|url| Smtp { url, from }),
            stripe_key: settings.stripe_key,
            log_format: settings.log_format,
            log: settings.log.unwrap_or_else(|| "info".to_owned()),
            retries: settings.retries.unwrap_or_default().settings().context("in [retries]")?,
            reconcile: settings.reconcile.unwrap_or_default().schedule().context("in [reconcile]")?,
            http: settings.http.unwrap_or_default().limits().context("in [http]")?,
            stop_within: settings.stop_within.map_or(Ok(STOP_WITHIN), stop_within)?,
        })
    }
}

fn stop_within(given: SignedDuration) -> Result<Duration> {
    let inside = Duration::try_from(given).ok().filter(|given| *given <= LONGEST_STOP);
    inside.with_context(|| format!("stop_within is {given:#}; it must be 0s to {LONGEST_STOP:?}"))
}

/// The key of the ops verbs: from `ORDERFLOW_KEY`, else the file's first with the scope `ops`. Never from a flag, which other
/// users of the machine could see.
///
/// # Errors
/// If the file or the variable can't be read.
pub fn ops_key(file: Option<&Path>) -> Result<Option<String>> {
    if let Some(key) = variable("ORDERFLOW_KEY")? {
        return Ok(Some(key));
    }
    let keys = read_file(file)?.api_keys;
    Ok(keys.into_iter().find(|entry| entry.scope == "ops").map(|entry| entry.key))
}

/// What is open to everybody is open on this machine only.
///
/// # Errors
/// With both ways out.
pub fn ensure_loopback_or_keys(listen: SocketAddr, access: &Access) -> Result<()> {
    ensure!(
        listen.ip().is_loopback() || !matches!(access, Access::Open),
        "refusing to listen on {listen} without API keys: whoever reaches it could post orders and change prices.\n\
         Run `orderflow serve` with keys in orderflow.toml ([[api_keys]] with name, scope = \"storefront\" or \"ops\", and \
         key) or in ORDERFLOW_API_KEYS=name:scope:secret, or listen on 127.0.0.1."
    );
    Ok(())
}

/// An empty one is one that isn't set; one that can't be read is none to be left out.
fn variable(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => bail!("the environment variable {name} is not UTF-8"),
    }
}

/// The file that was asked for, or the one in this directory, if there is one.
fn read_file(path: Option<&Path>) -> Result<Settings> {
    let (path, asked) = path.map_or((Path::new("orderflow.toml"), false), |path| (path, true));
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text).with_context(|| format!("in {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !asked => Ok(Settings::default()),
        Err(error) => Err(error).with_context(|| format!("the configuration file {} can't be read", path.display())),
    }
}

/// The configuration file, if it holds secrets and others than its owner may read it.
///
/// # Errors
/// If it can't be read.
pub fn exposed(path: Option<&Path>) -> Result<Option<PathBuf>> {
    let Settings { api_keys, smtp_url, stripe_key, .. } = read_file(path)?;
    if api_keys.is_empty() && smtp_url.is_none() && stripe_key.is_none() {
        return Ok(None);
    }
    #[cfg(unix)]
    {
        let path = path.unwrap_or(Path::new("orderflow.toml"));
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path)?.permissions());
        Ok((mode & 0o077 != 0).then(|| path.to_owned()))
    }
    #[cfg(not(unix))]
    Ok(None)
}

/// What doesn't fit is said where `toml` shows it, and not in Rust's words.
fn parse(text: &str) -> Result<Settings> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let shown = error.to_string();
        let place = shown.trim_end().strip_suffix(error.message()).unwrap_or_default();
        anyhow!("{place}{}", Misfit::of(error.message(), Format::Toml))
    })
}

fn parse_keys(text: &str) -> Result<Vec<KeyEntry>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .enumerate()
        .map(|(index, entry)| {
            let mut parts = entry.splitn(3, ':').map(str::to_owned);
            let (Some(name), Some(scope), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
                bail!("entry {} is not name:scope:secret", index + 1);
            };
            Ok(KeyEntry { name, scope, key })
        })
        .collect()
}

fn access(entries: Vec<KeyEntry>) -> Result<Access> {
    if entries.is_empty() {
        return Ok(Access::Open);
    }
    let mut taken: Vec<(Storefront, String)> = Vec::new();
    let keys = entries.into_iter().map(|entry| {
        let name: Storefront = entry.name.parse().with_context(|| format!("API key `{}`", entry.name))?;
        let scope = match entry.scope.as_str() {
            "storefront" => Scope::Storefront,
            "ops" => Scope::Ops,
            other => bail!("API key `{name}`: unknown scope `{other}`; it is \"storefront\" or \"ops\""),
        };
        ensure!(
            entry.key.len() >= SHORTEST_KEY,
            "API key `{name}`: the secret is shorter than {SHORTEST_KEY} characters"
        );
        ensure!(
            entry.key.bytes().all(|byte| byte.is_ascii_graphic()),
            "API key `{name}`: the secret has other characters than visible ASCII, so no header could carry it"
        );
        for (other, secret) in &taken {
            ensure!(*other != name, "API key `{name}` is there twice; orders belong to a name, so each has one key");
            ensure!(*secret != entry.key, "API keys `{other}` and `{name}` have the same secret; each needs its own");
        }
        let key = ApiKey::new(name.clone(), scope, &entry.key);
        taken.push((name, entry.key));
        Ok(key)
    });
    Ok(Access::keys(keys.collect::<Result<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config> {
        Config::resolve(parse(text)?)
    }

    fn refusal(text: &str) -> String {
        format!("{:#}", load(text).err().expect("refused"))
    }

    #[test]
    fn an_empty_file_gives_a_loopback_service_without_keys() {
        let config = load("").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.durability, Durability::Full);
        assert!(matches!(config.access, Access::Open));
    }

    #[test]
    fn listening_elsewhere_needs_keys() {
        assert!(refusal("listen = \"0.0.0.0:80\"").contains("refusing to listen on 0.0.0.0:80 without API keys"));
        let key = "[[api_keys]]\nname = \"shop\"\nscope = \"storefront\"\nkey = \"0123456789abcdef\"";
        assert!(load(&format!("listen = \"0.0.0.0:80\"\n{key}")).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said() {
        let key = |name: &str, scope: &str, key: &str| {
            format!("[[api_keys]]\nname = \"{name}\"\nscope = \"{scope}\"\nkey = \"{key}\"\n")
        };
        let good = "0123456789abcdef";
        assert!(refusal(&key("sh op", "ops", good)).contains("not a valid storefront name"));
        assert!(refusal(&key("shop", "root", good)).contains("unknown scope `root`"));
        assert!(refusal(&key("shop", "ops", "short")).contains("shorter than 16 characters"));
        assert!(refusal(&(key("shop", "ops", good) + &key("shop", "ops", good))).contains("there twice"));
        assert!(refusal(&key("shop", "ops", "sixteen or more, but with spaces")).contains("visible ASCII"));
        let shared = refusal(&(key("shop", "storefront", good) + &key("night", "ops", good)));
        assert!(shared.contains("`shop` and `night` have the same secret"), "{shared}");
    }

    #[test]
    fn a_setting_that_does_not_exist_is_refused_by_name() {
        assert!(refusal("listn = \"127.0.0.1:1\"").contains("listn"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_secrets_that_others_may_read_is_exposed() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        let exposed = |text: &str, mode: u32| {
            std::fs::write(file.path(), text).unwrap();
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            exposed(Some(file.path())).unwrap().is_some()
        };
        let key = "[[api_keys]]\nname = \"shop\"\nscope = \"ops\"\nkey = \"0123456789abcdef\"";
        for secret in [key, "smtp_url = \"smtp://user:password@localhost\"", "stripe_key = \"sk_test_x\""] {
            assert!(exposed(secret, 0o644) && exposed(secret, 0o640) && exposed(secret, 0o602), "{secret}");
            assert!(!exposed(secret, 0o600) && !exposed(secret, 0o400), "{secret}");
        }
        assert!(!exposed("backlog_limit = 5", 0o644));
    }

    #[test]
    fn what_does_not_fit_is_said_by_place_and_without_a_word_of_rust() {
        for (text, said) in [
            ("backlog_limit = \"many\"", "expected an integer of 0 or more, not \"many\""),
            ("backlog_limit = -1", "expected an integer of 0 or more, not -1"),
            ("rate_limit = 0", "expected an integer from 1 to 4294967295, not 0"),
            ("rate_limit = 1.5", "expected an integer from 1 to 4294967295, not 1.5"),
            ("examples = 1", "expected true or false, not 1"),
            ("log = []", "expected a string, not an array"),
            ("listen = \"here\"", "it is an IP address and a port, such as 127.0.0.1:9000"),
            ("listen = 8080", "expected a string, not 8080"),
            ("durability = \"fast\"", "not one of full, normal"),
            ("retries = 1", "expected a table, not 1"),
            ("[retries]\nbackoff = 5", "expected a length of time, such as 30s or 5m, not 5"),
            ("[triggers.mails]\n", "not one of orders, inventory, payments, emails"),
            ("[triggers]\nemails = []", "expected a table"),
            ("api_keys = \"shop\"", "expected an array, not \"shop\""),
            ("[[api_keys]]\nname = \"shop\"", "`scope`: this field is missing"),
            ("listn = 1", "`listn`: there is no such field; there are listen, data"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(said), "{text}: {refusal}");
            assert!(refusal.starts_with("TOML parse error at line "), "{text}: {refusal}");
        }
    }

    #[test]
    fn flags_win_over_the_file() {
        let flags = Settings { backlog_limit: Some(1), ..Settings::default() };
        let file = Settings { backlog_limit: Some(2), log: Some("debug".into()), ..Settings::default() };
        let both = flags.or(file);
        assert_eq!((both.backlog_limit, both.log.as_deref()), (Some(1), Some("debug")));
    }
}
