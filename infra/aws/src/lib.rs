//! The ports on AWS: DynamoDB, SQS, Step Functions and SES.
