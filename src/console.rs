//! `orderflow console --aws`: the web console of a pipeline on AWS, with the caller's credentials and for this machine only. A
//! service on this machine has its console at `/console` already.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::args::address;
use crate::config::ensure_loopback_or_keys;
use crate::ops::args::Connection;
use crate::serve::runtime;

/// How it is asked for.
#[derive(Debug, clap::Args)]
pub struct ConsoleArgs {
    /// Address and port to listen on; a loopback address, since whoever reaches it acts with your credentials
    #[arg(long, value_name = "ADDRESS", value_parser = address, default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub connection: Connection,
}

/// Serves until it is told to stop.
///
/// # Errors
/// With what is wrong and what to do about it.
pub fn run(args: &ConsoleArgs) -> Result<ExitCode> {
    let url = &args.connection.url;
    ensure!(
        args.connection.aws,
        "a service has its console at {url}/console; for a stack on AWS add --aws --stack NAME"
    );
    ensure_loopback_or_keys(args.listen, &producer::auth::Access::Open)?;
    runtime()?.block_on(serve(args))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "aws")]
async fn serve(args: &ConsoleArgs) -> Result<()> {
    use orderflow_aws::ops::StepFunctionsExecutions;
    use producer::auth::Access;
    use tokio::sync::watch;

    use crate::config::STOP_WITHIN;
    use crate::http_server::Limits;

    let shutdown = crate::shutdown::Shutdown::on_signal_within(STOP_WITHIN)?;
    let stack = crate::ops::aws::stack(&args.connection).await?;
    let ops = crate::ops::aws::over(&stack);
    let platform = orderflow_console::Platform {
        name: args.connection.stack.clone().unwrap_or_default(),
        execution_arn: StepFunctionsExecutions::new(stack.clients.step_functions(), &stack.state_machine).arn_prefix(),
        api: false,
        mailbox: false,
        events: false,
    };
    let closing = watch::Sender::new(false);
    let cursors = producer::cursor::Cursors::of_this_process()?;
    let routes = ops::http::router(ops.clone(), Access::Open, cursors, closing.subscribe());
    let routes = routes.merge(orderflow_console::router(ops, Access::Open, platform));
    let routes = routes.merge(producer::currencies::router(Access::Open));
    let listener = crate::serve::listen(args.listen)?;
    let stack = args.connection.stack.as_deref().unwrap_or("AWS");
    crate::output::say(format!("The console of {stack} is on http://{}/console", listener.local_addr()?));
    let closed = async {
        shutdown.clone().requested().await;
        closing.send_replace(true);
    };
    let routes = producer::served(routes, &Access::Open);
    let http = crate::http_server::serve(listener, routes, Limits::default(), shutdown.clone());
    let work = async {
        tokio::join!(http, closed);
    };
    shutdown.clone().bound(STOP_WITHIN, work).await;
    Ok(())
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "as with the AWS adapters")]
async fn serve(_: &ConsoleArgs) -> Result<()> {
    anyhow::bail!(
        "this binary was built without the AWS adapters: build it with `cargo install --path . --features aws`"
    )
}
