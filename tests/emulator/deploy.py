"""Deploys infra/aws/template.yaml as a stage to the emulator, as `sam package` and `sam deploy` would.

Usage: deploy.py ENDPOINT REGION ACCOUNT STAGE BINARIES

Prints as JSON what tests need: the stack's resources (logical to physical id), a token for each scope, and the resource
types that the emulator refuses.
"""

import io
import json
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

ENDPOINT, REGION, ACCOUNT, STAGE, BINARIES = sys.argv[1:]
TEMPLATE = Path(__file__).parents[2] / "infra/aws/template.yaml"
STACK, BUCKET = f"orderflow-{STAGE}", "orderflow-packages"
SCOPES = ["storefront", "ops"]


def client(service):
    return boto3.client(
        service, REGION, endpoint_url=ENDPOINT, aws_access_key_id=ACCOUNT, aws_secret_access_key="secret"
    )


def package(s3):
    """The template's URL, with everything that it names locally uploaded; functions once for all stages."""
    try:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    except s3.exceptions.BucketAlreadyOwnedByYou:
        pass
    uploaded = {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def upload(name, content):
        if name not in uploaded:
            s3.put_object(Bucket=BUCKET, Key=name, Body=content())
        return f"s3://{BUCKET}/{name}"

    template = yaml_parse(TEMPLATE.read_text())
    for resource in template["Resources"].values():
        match resource:
            case {"Type": "AWS::Serverless::Function", "Metadata": metadata, "Properties": properties}:
                binary = Path(BINARIES, metadata["BuildProperties"]["Binary"])
                name = f"{binary.name}-{binary.stat().st_mtime_ns}.zip"
                properties["CodeUri"] = upload(name, lambda: bootstrap(binary))
            case {"Type": "AWS::Serverless::StateMachine", "Properties": properties}:
                definition = TEMPLATE.parent / properties["DefinitionUri"]
                properties["DefinitionUri"] = upload(f"{STAGE}.asl.json", definition.read_bytes)
    upload(f"{STAGE}.json", lambda: json.dumps(template))
    return f"{ENDPOINT}/{BUCKET}/{STAGE}.json"


def bootstrap(binary):
    """A function's zip: the binary without debug information, uncompressed since it travels nowhere."""
    with tempfile.NamedTemporaryFile() as stripped, io.BytesIO() as content:
        subprocess.run(["strip", "-o", stripped.name, binary], check=True)
        with zipfile.ZipFile(content, "w") as archive:
            archive.write(stripped.name, "bootstrap")
        return content.getvalue()


def identity_provider(cognito):
    """The issuer of tokens, the clients they are meant for, and a token for each scope."""
    pool = cognito.create_user_pool(PoolName=STACK)["UserPool"]["Id"]
    cognito.create_user_pool_domain(UserPoolId=pool, Domain=STACK)
    scopes = [{"ScopeName": scope, "ScopeDescription": scope} for scope in SCOPES]
    cognito.create_resource_server(UserPoolId=pool, Identifier="orderflow", Name="orderflow", Scopes=scopes)
    audience, tokens = [], {}
    for scope in SCOPES:
        caller = cognito.create_user_pool_client(
            UserPoolId=pool,
            ClientName=scope,
            GenerateSecret=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthScopes=[f"orderflow/{scope}"],
            AllowedOAuthFlowsUserPoolClient=True,
        )["UserPoolClient"]
        audience.append(caller["ClientId"])
        tokens[scope] = token(caller["ClientId"], caller["ClientSecret"])
    return f"https://cognito-idp.{REGION}.amazonaws.com/{pool}", audience, tokens


def token(client_id, client_secret):
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    with urllib.request.urlopen(f"{ENDPOINT}/oauth2/token", urllib.parse.urlencode(form).encode()) as answer:
        return json.load(answer)["access_token"]


def deploy(cloudformation, template_url, parameters):
    """Creates the stack; its resources, logical to physical id."""
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=template_url,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 0.1})
    except Exception:
        for event in cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]:
            print(event["LogicalResourceId"], event.get("ResourceStatusReason", ""), file=sys.stderr)
        raise
    resources = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    mappings = [resource for resource in resources if resource["ResourceType"] == "AWS::Lambda::EventSourceMapping"]
    for mapping in mappings:
        start_polling(client("lambda"), mapping["PhysicalResourceId"])
    resources = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    allow_mail(client("iam"), resources["EmailRole"])
    return resources


def start_polling(functions, mapping):
    """MiniStack 1.5.33 keeps a mapping's concurrency as the text that a parameter is, and polls nothing then."""
    concurrency = functions.get_event_source_mapping(UUID=mapping)["ScalingConfig"]["MaximumConcurrency"]
    functions.update_event_source_mapping(UUID=mapping, ScalingConfig={"MaximumConcurrency": int(concurrency)})


def allow_mail(iam, role):
    """MiniStack 1.5.33 asks for SendEmail on any resource, where AWS asks for the identity and the configuration set."""
    statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=role, PolicyName="emulator", PolicyDocument=json.dumps(policy))


def refused(cloudformation, template_url, parameters):
    """The resource types with which the emulator refuses the whole template."""
    try:
        deploy(cloudformation, template_url, parameters)
        return []
    except ClientError as error:
        types = re.search(r"Unrecognized resource types: \[(.+)\]", str(error))
        if not types:
            raise
        return types[1].split(", ")


template_url = package(client("s3"))
issuer, audience, tokens = identity_provider(client("cognito-idp"))
parameters = {
    "Stage": STAGE,
    "LogFilter": "info,aws_calls=debug",  # calls are counted
    "JwtIssuer": issuer,
    "JwtAudience": ",".join(audience),
    "MailFrom": f"Orderflow <orders@{STAGE}.example.com>",
    "MailIdentity": f"{STAGE}.example.com",
}
cloudformation = client("cloudformation")
types = refused(cloudformation, template_url, parameters | {"Canary": "true"})
resources = deploy(cloudformation, template_url, parameters)
json.dump({"resources": resources, "tokens": tokens, "refused": types}, sys.stdout)
