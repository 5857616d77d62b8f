//! Task resources: what kind of thing an ARN names, and so which family of history events its task writes.
//!
//! Source: AWS Step Functions Developer Guide, "Integrating services with Step Functions" and "Activities".

/// A parsed task resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) arn: String,
    pub(crate) integration: Integration,
}

/// How a task is done: by a service, a Lambda function or an activity worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integration {
    /// `arn:aws:states:::service:action[.sync|.waitForTaskToken]`; events `Task…`.
    Service {
        /// `sqs`, `aws-sdk:dynamodb`: `resourceType` in events.
        service: String,
        /// `sendMessage`, without the pattern.
        action: String,
        /// When the task is done.
        pattern: Pattern,
    },
    /// A function's own ARN; events `LambdaFunction…`.
    Lambda,
    /// An activity; events `Activity…`.
    Activity,
}

/// When a service task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// When the service has answered the call.
    RequestResponse,
    /// When the job that the call started is over (`.sync`).
    RunAJob,
    /// When somebody answers the task token (`.waitForTaskToken`).
    WaitForTaskToken,
}

impl Resource {
    /// Reads an ARN; the error says what is wrong with it.
    pub(crate) fn parse(arn: &str) -> Result<Self, String> {
        let parts: Vec<&str> = arn.splitn(7, ':').collect();
        let integration = match parts.as_slice() {
            ["arn", partition, "states", "", "", service, action] if !partition.is_empty() && !service.is_empty() => {
                // `aws-sdk:dynamodb:putItem` has one more colon than `sqs:sendMessage`; `startExecution.sync:2` keeps its own.
                let (service, action) = match action.split_once(':') {
                    Some((sdk, action)) if *service == "aws-sdk" => (format!("aws-sdk:{sdk}"), action),
                    _ => ((*service).to_owned(), *action),
                };
                let pattern = match action.split_once('.').map(|(_, pattern)| pattern) {
                    None => Pattern::RequestResponse,
                    Some("sync" | "sync:2") => Pattern::RunAJob,
                    Some("waitForTaskToken") => Pattern::WaitForTaskToken,
                    Some(other) => {
                        return Err(format!(
                            "`.{other}` is not an integration pattern; there are `.sync` and `.waitForTaskToken`"
                        ));
                    }
                };
                let action = action.split('.').next().unwrap_or_default();
                if action.is_empty() {
                    return Err("names no action of the service".to_owned());
                }
                Integration::Service { service, action: action.to_owned(), pattern }
            }
            ["arn", _, "states", _, _, "activity", _] => Integration::Activity,
            ["arn", _, "lambda", ..] if parts.len() == 7 => Integration::Lambda,
            ["arn", ..] => {
                return Err("is neither a service integration, nor a Lambda function, nor an activity".to_owned());
            }
            _ => return Err("is not an ARN".to_owned()),
        };
        Ok(Self { arn: arn.to_owned(), integration })
    }

    /// `resource` of `Task…` events: the action with its pattern.
    pub(crate) fn action_with_pattern(&self) -> &str {
        match &self.integration {
            Integration::Service { action, .. } => {
                self.arn.rfind(&format!(":{action}")).map_or(action, |at| &self.arn[at + 1..])
            }
            Integration::Lambda | Integration::Activity => &self.arn,
        }
    }

    /// `resourceType` of `Task…` events, and what AWS calls a task whose result is too large.
    pub(crate) fn service(&self) -> &str {
        match &self.integration {
            Integration::Service { service, .. } => service,
            Integration::Lambda | Integration::Activity => &self.arn,
        }
    }

    /// Whether somebody outside answers this task with a token.
    pub(crate) fn has_token(&self) -> bool {
        matches!(
            self.integration,
            Integration::Activity | Integration::Service { pattern: Pattern::WaitForTaskToken, .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_arn_is_told_apart() {
        for (arn, service, action, token) in [
            ("arn:aws:states:::sqs:sendMessage", "sqs", "sendMessage", false),
            ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "sqs", "sendMessage.waitForTaskToken", true),
            ("arn:aws:states:::states:startExecution.sync:2", "states", "startExecution.sync:2", false),
            ("arn:aws:states:::aws-sdk:dynamodb:putItem", "aws-sdk:dynamodb", "putItem", false),
        ] {
            let resource = Resource::parse(arn).unwrap();
            assert_eq!(
                (resource.service(), resource.action_with_pattern(), resource.has_token()),
                (service, action, token),
                "{arn}"
            );
        }
        assert_eq!(
            Resource::parse("arn:aws:lambda:eu-west-1:1:function:f:1").unwrap().integration,
            Integration::Lambda
        );
        assert_eq!(
            Resource::parse("arn:aws:states:eu-west-1:1:activity:a").unwrap().integration,
            Integration::Activity
        );
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        for arn in ["", "sqs", "arn:aws:s3:::bucket", "arn:aws:states:::sqs:sendMessage.wait", "arn:aws:states:::sqs:"]
        {
            assert!(Resource::parse(arn).is_err(), "{arn}");
        }
    }
}
