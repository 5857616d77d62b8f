//! `orderflow serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket};

use crate::args::ServeArgs;
use crate::config::Config;
use crate::pipeline::Pipeline;
use crate::shutdown::Shutdown;

/// Serves until it is told to stop.
///
/// # Errors
/// With what is wrong and what to do about it.
pub fn run(args: &ServeArgs) -> Result<ExitCode> {
    let config = Config::load(args)?;
    crate::logging::init(&config.log, config.log_format)?;
    if let Some(file) = crate::config::exposed(args.config.as_deref())? {
        tracing::warn!(
            "others on this machine may read the secrets in {file}: run `chmod 600 {file}`",
            file = file.display()
        );
    }
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let shutdown = Shutdown::on_signal_within(config.stop_within)?;
        let listener = listen(config.listen)?;
        let pipeline = Pipeline::open(&config).await?;
        let address = listener.local_addr()?;
        tracing::info!(%address, data = %config.data.display(), version = env!("CARGO_PKG_VERSION"), "serving");
        greet(address, &config);
        pipeline.run(listener, shutdown).await;
        anyhow::Ok(())
    });
    // What still blocks a thread is not waited for.
    runtime.shutdown_background();
    served.map(|()| ExitCode::SUCCESS)
}

/// The process's one async runtime.
///
/// # Errors
/// If the platform refuses threads.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the async runtime can't be started")
}

/// Clients that come at once wait here until they are accepted; Linux takes the lesser of this and `net.core.somaxconn`. With
/// too few, those left out try again after a second. (`TcpListener::bind` asks for less.)
const BACKLOG: u32 = 4096;

/// What the system keeps for a connection in each direction (Linux takes twice as much). Left alone it grows to 4 MB of answers that
/// nobody reads, and 6 MB of requests that nobody has got to yet. Connections inherit it from their listener.
const SOCKET_BUFFER: u32 = 64 * 1024;

/// # Errors
/// If the address is taken, or not this machine's.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    let bind = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart needn't wait for the connections of the process before; elsewhere it would share a port in use.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SOCKET_BUFFER)?;
        socket.set_recv_buffer_size(SOCKET_BUFFER)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind().with_context(|| {
        format!(
            "can't listen on {address}; if something else does, choose another port with --listen {}:0",
            address.ip()
        )
    })
}

fn greet(address: SocketAddr, config: &Config) {
    let open = matches!(config.access, producer::auth::Access::Open);
    let key = if open { "" } else { " -H 'Authorization: Bearer <API key>'" };
    let mail =
        if config.smtp.is_some() { "sent over SMTP".to_owned() } else { format!("captured: http://{address}/mailbox") };
    let payments = if config.stripe_key.is_some() { "through Stripe" } else { "simulated" };
    let greeting = format!(
        "\
Orderflow serves on http://{address}
  console    http://{address}/console
  API docs   http://{address}/docs
  metrics    http://{address}/metrics
  ops        orderflow status --url http://{address}
  mail       {mail}
  payments   {payments}
  data       {}

Post an order:
  curl -i http://{address}/orders{key} -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-order' \\
    -d '{{\"customer\":{{\"id\":\"c-42\",\"email\":\"ada@example.com\",\"name\":\"Ada\"}},\"lines\":[{{\"sku\":\"MUG-BLUE\",\"quantity\":2}}],\
\"currency\":\"EUR\",\"payment_method\":\"pm_card_visa\"}}'
",
        config.data.join("orderflow.db").display(),
    );
    // Whoever started it may have stopped reading: that ends no service.
    if let Err(error) = writeln!(std::io::stdout(), "{greeting}") {
        tracing::debug!(%error, "nobody reads the greeting");
    }
}
