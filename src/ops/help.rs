//! What `--help` says below the flags: examples, and what the exit codes mean.

pub const STATUS: &str = "\
Examples:
  orderflow status                                        backlog, dead letters, rates and causes on one screen
  orderflow queues --json                                 how much is in each queue, for scripts
  orderflow status --aws --stack orderflow-prod

Exit codes: 0 done, 1 failed, 2 wrong usage.";

pub const DLQ: &str = "\
Examples:
  orderflow dlq ls                                        every DLQ, by cause
  orderflow dlq show payments --cause GatewayUnavailable
  orderflow dlq replay payments --cause GatewayUnavailable            what would be done
  orderflow dlq replay payments --cause GatewayUnavailable --rate 50/s --yes
  orderflow dlq replay payments --where \"body.step == 'ChargePayment'\" --max 10 --yes
  orderflow dlq replay payments --order ord_… --patch fix.json --yes
  orderflow dlq replay --resume                           go on after an interruption
  orderflow dlq export payments > payments.jsonl

Looking at dead letters changes no body and no attribute. On AWS looking means receiving: receive counts rise, and a crash in
the middle hides messages for one visibility time-out at most. The embedded service only reads.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some were refused (the output says why), 130 stopped by Ctrl-C.";

pub const LOOKING: &str = "\
Looking changes no body and no attribute. On AWS it means receiving: receive counts rise, and a crash in the middle hides messages
for one visibility time-out at most. The embedded service only reads.";

pub const ORDERS: &str = "\
Examples:
  orderflow orders ls --status rejected --customer c-42
  orderflow orders show ord_…                             steps, execution, mails and dead letters on one timeline
  orderflow orders cancel ord_…

Exit codes: 0 done, 1 failed (there is no such order, or it is final already), 2 wrong usage.";

pub const EXECUTIONS: &str = "\
Examples:
  orderflow executions ls --status FAILED --since 2h
  orderflow executions ls --state ChargePayment           which ones are there now
  orderflow executions ls --error PaymentDeclined         in whose history it is, caught or not
  orderflow executions history ord_… --json               its events, as Step Functions has them
  orderflow executions stop ord_… --compensate --cause 'the customer called'
  orderflow executions redrive ord_…

Exit codes: 0 done, 1 failed or refused (the message says why), 2 wrong usage, 3 not all could be done (the output says what).";

pub const RECONCILE: &str = "\
Examples:
  orderflow reconcile                                     what is stuck, and what would be done about it
  orderflow reconcile --older-than 2h --yes

An order is stuck when it is not final although its step's time is over; executions that failed, timed out or were aborted are
shown as well. With --yes the step is sent again, or the compensations are run, whichever fits.

Exit codes: 0 nothing is stuck (or all was moved), 1 failed, 2 wrong usage, 3 some are (still) stuck.";

pub const AUDIT: &str = "\
Examples:
  orderflow audit ls                                      who did what, when, to how many
  orderflow audit show run-…                              with each message or order
  orderflow audit export --output audit.jsonl

Exit codes: 0 done, 1 failed, 2 wrong usage.";

pub const GATEWAY: &str = "\
Examples:
  orderflow gateway down                                  every charge fails, until
  orderflow gateway up

Exit codes: 0 done, 1 failed, 2 wrong usage.";

pub const BACKUP: &str = "\
Examples:
  orderflow backup nightly.db                             of the service at --url, while it runs
  orderflow backup --data /var/lib/orderflow nightly.db   of a directory that nobody serves

The file is the database as it was at one moment, checked, and needs no other. It has customers' addresses in it: only its owner may
read it. It is written under another name, and gets its own when it is whole: a file of that name is a backup. The service writes
nothing; its WAL grows while the copy is made.

Exit codes: 0 done, 1 failed (there is no backup), 2 wrong usage, 130 stopped by Ctrl-C (there is no backup).";

pub const RESTORE: &str = "\
Examples:
  orderflow restore nightly.db --data /var/lib/orderflow            into a directory without a database
  orderflow restore nightly.db --data /var/lib/orderflow --replace  in the place of the one that is there

Stop the service first: a directory that is served is refused, as is a file that is damaged, not finished, or of a newer version.
--replace keeps what was there, as orderflow.db.before-TIME with its WAL.

Exit codes: 0 done, 1 failed or refused (nothing was changed), 2 wrong usage.";
