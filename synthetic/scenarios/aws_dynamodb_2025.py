"""The outage of AWS's us-east-1 region of 19 and 20 October 2025, 23:00 to 14:30 PDT.

Sources: AWS's post-event summary (aws.amazon.com/message/101925) and AWS's talk DAT453 at re:Invent 2025 for the
system, the race and all times; numbers of plans are the talk's illustrative ones. AWS published no rates,
fleet sizes or error shares: those below are assumed, and scaled down. Three are fitted, so that what they
lead to is a check of consistency and no prediction: `capacity_per_s` of the leases (to the 74 minutes from 04:14
to 05:28), `propagate_per_s` (to 10:36) and the headroom of what stands behind the load balancer (to the onsets
of the second wave). Set from outside are, besides parameters, enactor C's bad luck and what people did.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ..world.balancers import Balancer
from ..world.dns import BadLuck, Dns, Restore
from ..world.estate import Balancing, Cause, Estate, Launches, LeaseManager, Load, Machine, Naming, Probing
from ..world.history import Edge, Service
from ..world.leases import Leases
from ..world.propagation import Launching, Throttle

PDT = timezone(timedelta(hours=-7))
START = datetime(2025, 10, 19, 23, 0, tzinfo=PDT)


def at(hour: int, minute: int) -> float:
    """Seconds from the world's start to a local time of 20 October (19 October from 23:00 on)."""
    day = 19 if hour >= 23 else 20
    return (datetime(2025, 10, day, hour, minute, tzinfo=PDT) - START).total_seconds()


def host(name: str) -> str:
    """The regional endpoint of a service."""
    return f"{name}.us-east-1.amazonaws.com"


DYNAMODB, STS, LAMBDA = host("dynamodb"), host("sts"), host("lambda")
EC2, SIGNIN, CONNECT = host("ec2"), host("signin"), host("connect")
DWFM, DROPLETS = host("dwfm.ec2"), host("droplets.ec2")
ENDPOINTS = (
    DYNAMODB,
    host("dynamodb-fips"),
    host("streams.dynamodb"),
    host("dax"),
    "dynamodb.us-east-1.api.aws",
    host("account.ddb"),
)
ENACTORS = ("dns-enactor-c", "dns-enactor-b", "dns-enactor-a")

DNS = Dns(
    names=ENDPOINTS,
    enactors=ENACTORS,
    first_generation=98,
    bad_luck=(BadLuck("dns-enactor-c", DYNAMODB, after_s=at(23, 10), losses=24),),
    restore=Restore(at(2, 25), (DYNAMODB,), "operators"),
)

SERVICES = (
    Service(
        "food-ordering", ("food-ordering.example.com",), "python", "POST /orders", user_facing=True, latency_s=0.03
    ),
    Service("banking", ("banking.example.com",), "java", "POST /transfers", user_facing=True, latency_s=0.04),
    Service("hospital-records", ("hospital-records.example.com",), "python", "GET /patients", user_facing=True),
    Service("smart-home", ("smart-home.example.com",), "node", "POST /devices", user_facing=True, latency_s=0.015),
    Service("streaming", ("streaming.example.com",), "go", "GET /play", user_facing=True, latency_s=0.02),
    Service(
        "airline-checkin", ("airline-checkin.example.com",), "java", "POST /checkin", user_facing=True, latency_s=0.05
    ),
    Service("connect", (CONNECT,), "java", "StartContact", user_facing=True, latency_s=0.06, capacity_rps=400.0),
    Service("iam-signin", (SIGNIN,), "java", "SignIn", user_facing=True, latency_s=0.03, capacity_rps=500.0),
    Service("lambda", (LAMBDA,), "go", "Invoke", latency_s=0.05, capacity_rps=1500.0),
    Service("sts", (STS,), "java", "AssumeRole", latency_s=0.015, capacity_rps=1200.0),
    Service("ec2-api", (EC2,), "java", "RunInstances", latency_s=0.08, own_error="RequestLimitExceeded"),
    Service("ec2-dwfm", (DWFM,), "java", "CheckState", latency_s=0.02, own_error="InsufficientInstanceCapacity"),
    Service("droplets", (DROPLETS,), "go", "EstablishLease", instrumented=False, latency_s=0.5),
    Service("network-manager", (host("network-manager.ec2"),), "java", "PropagateState", instrumented=False),
    Service("nlb", (host("elb"),), "go", "HealthCheck", instrumented=False),
    Service("dynamodb", (DYNAMODB,), "java", "GetItem", latency_s=0.004, capacity_rps=9000.0),
    Service("dns-planner", (), "java", "Plan", instrumented=False),
    *(Service(enactor, (), "java", "Apply", instrumented=False) for enactor in sorted(ENACTORS)),
)

# Clients are the ordinary ones of each language with their ordinary retries: two or three, 25 to 100 ms apart
# (botocore's standard mode makes 3 attempts, the AWS SDK for JavaScript 4). Only Lambda's asynchronous
# invocations are put off for longer: two retries, after 1 and 2 minutes.
EDGES = (
    Edge("food-ordering", "dynamodb", DYNAMODB, "DynamoDB.PutItem", 1.6, "python-requests", pool_tau_s=420.0),
    Edge("food-ordering", "lambda", LAMBDA, "Lambda.Invoke", 0.3, "python-requests", via="nlb"),
    Edge("banking", "dynamodb", DYNAMODB, "DynamoDB.TransactWriteItems", 1.0, "java-urlconnection", pool_tau_s=900.0),
    Edge("banking", "sts", STS, "STS.AssumeRole", 0.2, "java-httpclient", via="nlb"),
    Edge("hospital-records", "dynamodb", DYNAMODB, "DynamoDB.Query", 1.2, "python-aiohttp", pool_tau_s=600.0),
    Edge("hospital-records", "lambda", LAMBDA, "Lambda.Invoke", 0.2, "python-aiohttp", via="nlb"),
    Edge(
        "smart-home",
        "lambda",
        LAMBDA,
        "Lambda.InvokeAsync",
        1.0,
        "node-http",
        required=False,
        retries=2,
        backoff_s=60.0,
        via="nlb",
    ),
    Edge("smart-home", "dynamodb", DYNAMODB, "DynamoDB.GetItem", 0.5, "node-aws-sdk", retries=3, pool_tau_s=300.0),
    Edge("streaming", "dynamodb", DYNAMODB, "DynamoDB.GetItem", 0.8, "go-http", pool_tau_s=900.0),
    Edge("streaming", "iam-signin", SIGNIN, "SignIn", 0.05, "go-http"),
    Edge("airline-checkin", "dynamodb", DYNAMODB, "DynamoDB.UpdateItem", 1.0, "java-httpclient", pool_tau_s=1200.0),
    Edge(
        "airline-checkin", "connect", CONNECT, "Connect.StartContact", 0.1, "java-httpclient", required=False, via="nlb"
    ),
    Edge("lambda", "dynamodb", DYNAMODB, "DynamoDB.GetItem", 0.5, "go-http", pool_tau_s=900.0),
    Edge("lambda", "sts", STS, "STS.AssumeRole", 0.2, "go-http", via="nlb"),
    Edge("lambda", "ec2-api", EC2, "EC2.RunInstances", 0.01, "go-http", required=False, retries=1),
    Edge("sts", "dynamodb", DYNAMODB, "DynamoDB.GetItem", 0.8, "grpc-python", pool_tau_s=900.0),
    Edge("iam-signin", "dynamodb", DYNAMODB, "DynamoDB.Query", 1.0, "java-urlconnection", pool_tau_s=900.0),
    Edge("iam-signin", "sts", STS, "STS.AssumeRole", 0.4, "java-urlconnection", via="nlb"),
    Edge("connect", "dynamodb", DYNAMODB, "DynamoDB.PutItem", 0.3, "python-botocore", pool_tau_s=1200.0),
    Edge("connect", "lambda", LAMBDA, "Lambda.Invoke", 0.5, "python-botocore", via="nlb"),
    Edge("ec2-api", "ec2-dwfm", DWFM, "DWFM.PlaceInstance", 1.0, "java-httpclient", retries=1),
    Edge("ec2-dwfm", "dynamodb", DYNAMODB, "DynamoDB.GetItem", 1.0, "java-urlconnection", pool_tau_s=1500.0),
    Edge(
        "ec2-dwfm",
        "droplets",
        DROPLETS,
        "Droplet.EstablishLease",
        0.0,
        "go-http",
        required=False,
        timeout_s=300.0,
        retries=40,
        backoff_s=15.0,
        backoff_growth=1.0,
    ),
)

LOADS = (
    Load("food-ordering", 220.0),
    Load("banking", 120.0),
    Load("hospital-records", 60.0, 0.3),
    Load("smart-home", 150.0, 0.2),
    Load("streaming", 200.0, 0.3),
    Load("airline-checkin", 70.0),
    Load("connect", 60.0, 0.3),
    Load("iam-signin", 60.0, 0.3),
)

LEASE_MANAGER = LeaseManager(
    Leases(
        droplets=2400,
        hosts=60,
        check_s=300.0,
        term_s=(1200.0, 6600.0),
        connection_tau_s=1500.0,
        capacity_per_s=0.47,
        timeout_s=300.0,
    ),
    service="ec2-dwfm",
    checks="dynamodb",
    droplets="droplets",
    throttle_s=at(4, 14),
    outstanding=70,
)

LAUNCHES = Launches(
    Launching(
        launches_per_s=5.0,
        changes_per_s=20.0,
        retry_s=600.0,
        patience_s=3600.0,
        hand_on_per_s=23.0,
        propagate_per_s=41.2,
    ),
    service="ec2-api",
    manager="network-manager",
    finder="ec2-dwfm",
    throttles=(
        Throttle(at(4, 14), 3.0),
        *(Throttle(at(11, 23) + 900.0 * step, 3.0 * 1.09 ** (step + 1)) for step in range(12)),
    ),
    amplitude=0.12,
)

BALANCING = Balancing(
    Balancer(
        name="nlb",
        zones=("us-east-1a", "us-east-1b", "us-east-1c"),
        targets=400,
        check_s=10.0,
        seen_share=0.5,
        target_share=0.08,
        noise=1e-5,
        checks_per_s=130.0,
        flip_cost=7.0,
        late_s=16.0,
        out_s=900.0,
    ),
    headroom={"lambda": 1.12, "connect": 1.12, "sts": 1.24},
    off_s=at(9, 36),
    on_s=at(14, 9),
)

PROBING = Probing(
    cities=("ashburn", "frankfurt", "singapore", "sao-paulo"),
    names=(DYNAMODB,),
    fronts={
        service.name: f"https://{service.hosts[0]}"
        for service in SERVICES
        if service.user_facing and service.hosts[0].endswith("example.com")
    },
)

NAMING = Naming(
    resolvers=tuple(f"vpc-resolver-{number:02d}" for number in range(1, 25)),
    without_aaaa=(STS,),
    machine=Machine(DNS, DYNAMODB, "dynamodb"),
)

ESTATE = Estate(
    name="aws-dynamodb-2025",
    start=START.timestamp(),
    duration_s=15.5 * 3600.0,
    utc_offset_h=-7.0,
    services=SERVICES,
    edges=EDGES,
    loads=LOADS,
    cause=Cause(DYNAMODB, "dns.empty_record", ("dynamodb",), "nodata"),
    naming=NAMING,
    lease_manager=LEASE_MANAGER,
    launches=LAUNCHES,
    balancing=BALANCING,
    probing=PROBING,
    tick_s=10.0,
)


def estate(seed: int) -> Estate:
    """The same for any seed: the night is known."""
    del seed
    return ESTATE
