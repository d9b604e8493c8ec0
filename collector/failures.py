"""How a call failed, told by the words that its client left behind.

The table is ordered: the first pattern that matches decides. Its words were measured on twenty clients against a DNS
server that answers NODATA, NXDOMAIN, SERVFAIL, REFUSED or not at all (glibc, c-ares, Go, Java, Node, curl and what
stands on them), the rest are from their sources and issue trackers. A server that refuses the packets itself, or cannot
be reached, answers as little as one that is late: `dns_timeout`. Any other answer that is none, as FORMERR, NOTIMP or
one that cannot be read, is a server's failure: `dns_servfail`. The "temporary failure" of glibc, Java and Node is
said of SERVFAIL, REFUSED and a time-out, and of nothing else: `dns_temporary`. What cannot be told at all stays
`dns_unspecified`: ENOTFOUND, "no such host" and "Could not resolve host" are said of NODATA and of NXDOMAIN alike, or
of anything. Node says ENOTFOUND of NXDOMAIN alone where it asks a server itself (`queryA`), as c-ares does.
"""

from __future__ import annotations

import re

from .model import ERROR_CLASSES

PATTERNS: tuple[tuple[str, str], ...] = (
    (
        "dns_nodata",
        r"No address associated with (host)?name|answer with no data|\bE(AI_)?NODATA\b|Errno -5\b|Error -5 connecting"
        r"|resolver\.NoAnswer|does not contain an answer|WSANO_DATA|Name has no usable address"
        r"|no data of the requested type was found",
    ),
    (
        "dns_timeout",
        r"Timeout while contacting DNS|Could not contact DNS servers|No DNS servers were configured|\bETIMEOUT\b"
        r"|\bquery[A-Z]\w* ECONNREFUSED\b|\blookup \S+( on \S+:53)?: i/o timeout"
        r"|\blookup \S+ on \S+:53: (read|write|dial) (udp|tcp)|\blookup \S+ on \S+:\d+: (read|write|dial) udp"
        r"|All nameservers failed to answer the query .*answered \[Errno \d+\]"
        r"|no answer from DNS server|LifetimeTimeout|resolution lifetime expired|no servers could be reached"
        r"|\bResolving timed out after \d+ milliseconds|DnsNameResolverTimeoutException"
        r"|\bdns error: ([\w ]+: )*request timed out",
    ),
    ("dns_refused", r"refused query|\bEREFUSED\b|answered REFUSED|Query failed with REFUSED"),
    (
        "dns_servfail",
        r"DNS server returned general failure|\bESERVFAIL\b|server misbehaving|answered SERVFAIL"
        r"|Query failed with SERVFAIL|DNS server claims query was misformatted|\bEFORMERR\b"
        r"|DNS server does not implement requested operation|\bENOTIMP\b|Misformatted DNS reply|\bEBADRESP\b"
        r"|Non-recoverable failure in name resolution|\bEAI_FAIL\b|Errno -4\b"
        r"|cannot unmarshal DNS message|invalid DNS response|lame referral"
        r"|SocketException\b.{0,20} non-recoverable error occurred during a database lookup"
        r"|non-recoverable error occurred during a database lookup\.? \([\w.-]+:\d+\)",
    ),
    (
        "dns_nxdomain",
        r"Name or service not known|Domain name not found|Errno -2\b|\bNXDOMAIN\b|DNS query name does not exist"
        r"|\bquery[A-Z]\w* ENOTFOUND\b",
    ),
    (
        "dns_temporary",
        r"Temporary failure in name resolution|\bEAI_AGAIN\b|\btry_again\b|Errno -3\b"
        r"|failed to lookup address information: Try again|\blookup \S+: Try again"
        r"|Resource temporarily unavailable \([\w.-]*[A-Za-z][\w.-]*:\d+\)"
        r"|temporary error during host ?name resolution",
    ),
    (
        "dns_unspecified",
        r"\bENOTFOUND\b|\bhost_not_found\b"
        r"|no such host|No such host is known|Could not resolve host|UnknownHostException|UnresolvedAddress"
        r"|NameResolutionError|ClientConnectorDNSError|errors resolving|Inaccessible host|nodename nor servname"
        r"|\b[Nn]ame resolution failed for target dns:|Name does not resolve|dns_resolution_failure"
        r"|DNS resolution failed|C-ares status is not ARES_SUCCESS|Misformatted (DNS query|domain name)"
        r"|DNS query cancelled|Unable to resolve host|No resolvable bootstrap urls|:nxdomain\b|non-existing domain"
        r"|failed to lookup address|\bdns error:"
        r"|\bno records? found for (Query \{ name: Name\(|name: \S+ type: (A|AAAA) class: IN\b)"
        r"|\bgaierror\b|\bDNSError\b|\bname_resolution_error\b",
    ),
    (
        "connect",  # what a listener says (MQTT), and one address of several that refused while another kept silent
        r"Connection refused: (Not auth|Identifier|Server unav|Bad user|Unacceptable)|ECONNREFUSED[\s\S]*ETIMEDOUT"
        r"|ETIMEDOUT[\s\S]*ECONNREFUSED|[Cc]onnection refused[\s\S]*timeout expired"
        r"|timeout expired[\s\S]*[Cc]onnection refused",
    ),
    (
        "refused",
        r"[Cc]onnection refused|\bECONNREFUSED\b|\beconnrefused\b|ConnectionRefusedError|actively refused"
        r"|\bErrno 111\b|\bos error 111\b|\bError 111 connecting|\bConnection to \S+:\d+ refused"
        r"|server on '[^']*' \((111|10061)\)|connect error: 111\b|TNS:no listener",
    ),
    (
        "connect",
        r"Could not connect to the endpoint URL|[Cc]onnection reset|\bECONNRESET\b|No route to host"
        r"|\bEHOSTUNREACH\b|Network is unreachable|\bENETUNREACH\b|[Ff]ailed to connect|[Cc]annot connect to host"
        r"|ConnectException|NewConnectionError|broken pipe|ClientConnectorError|ConnectionTimeoutError"
        r"|[Aa]ll connection attempts failed|RemoteDisconnected|socket hang up|other side closed"
        r"|\bconnection_error\b|[Cc]onnect(ion)? timed? ?out|ConnectTimeout|\bconnect ETIMEDOUT\b"
        r"|Connect Timeout Error|\bUND_ERR_CONNECT_TIMEOUT\b",
    ),
    (
        "deadline",
        r"[Dd]eadline.?[Ee]xceeded|DEADLINE_EXCEEDED|[Tt]imed? ?out|[Tt]ime-?out|\bETIMEDOUT\b|\bESOCKETTIMEDOUT\b"
        r"|context canceled|AbortError|TimeoutError",
    ),
)
"""(class, regular expression) in the order in which they are tried; `refused` is the one word of the class `connect`
that tells at what: a process that does not listen, however often its client tried again before it said so."""


HOST = (
    r"(?:Failed to resolve '|getaddrinfo [A-Z_]+ |\bquery[A-Za-z0-9]+ E[A-Z]+ |[Cc]annot connect to host "
    r"|errors resolving |\b[Nn]ame resolution failed for target dns:(?://[^/]*/)?|Could not resolve host: '?"
    r"|could not translate host name \"|UnknownHostException: |\bconnection to server at \"|\bMySQL server on '"
    r"|\bHTTPS?ConnectionPool\(host='"
    r"|endpoint URL: \"\w+://|Inaccessible host: `|No such host is known\. \("
    r"|(?:Name or service not known|Resource temporarily unavailable) \(|Unable to resolve host "
    r"|DNS resolution failed for (?:service: )?(?:dns:(?://[^/]*/)?)?)([\w-]+(?:\.[\w-]+)*)"
)
"""Where the words name the host that was not reached, for spans that do not record whom they addressed. Drivers of
stores (libpq, MySQL's, redis-py, pgjdbc, Go's net) make no span of connecting, and say it to whoever waits for them.
"""

_WITH_PORT = (
    r"(?:\b[Ee]rror (?:-?\d+ )?connecting to |\bConnection to |\bdial tcp |\b[Ff]ailed to connect to )"
    r"([\w-]+(?:\.[\w-]+)*):\d+"
)
_LOOKED_UP = r"\blookup ([\w-]+(?:\.[\w-]+)*)(?: on \S+:\d+)?: "
"""The same, where nothing but what stands behind it tells the host from another word: a port, or Go's next clause."""

_HOSTS = (HOST, _WITH_PORT, _LOOKED_UP)

LOOKUP_S = 1.0
"""The shortest usual time-out of a stub resolver (c-ares and musl wait 2 to 5 s, glibc and Go 5 s; some set 1 s): a
look-up that takes as long waited for a server that did not answer, even if the next one did in the end."""

_AFTER = ERROR_CLASSES.index("connect") + 1
RANK = {name: rank for rank, name in enumerate((*ERROR_CLASSES[:_AFTER], "refused", *ERROR_CLASSES[_AFTER:]))}
"""Of several words about one failure the lowest rank counts: the earlier the step that failed, the more it says. Of two
connections, that one was refused says less than that the other was not answered."""


def classify(words: str) -> str:
    """The class of `model.ERROR_CLASSES` that the words tell of; "" where they tell of none.

    >>> classify("[Errno -5] No address associated with hostname")
    'dns_nodata'
    >>> classify("[Errno -3] Temporary failure in name resolution"), classify("getaddrinfo EAI_AGAIN pricing.example")
    ('dns_temporary', 'dns_temporary')
    >>> classify("getaddrinfo ENOTFOUND pricing.example")
    'dns_unspecified'
    """
    told = next((name for name, pattern in PATTERNS if re.search(pattern, words)), "")
    return "connect" if told == "refused" else told


def host(words: str) -> str:
    """The host that the words say was not reached, in lower case; "" where they name none.

    >>> host("getaddrinfo ENOTFOUND pricing.example")
    'pricing.example'
    """
    match = next((found for pattern in _HOSTS if (found := re.search(pattern, words))), None)
    return match[1].lower() if match else ""


def rank_sql(words: str) -> str:
    """DuckDB SQL for the rank of what the text expression `words` tells; NULL where it tells nothing.

    Many failures leave no words at all, and trying every pattern on nothing is the dearest part of reading them.
    """
    cases = " ".join(f"when regexp_matches({words}, {quoted(text)}) then {RANK[name]}" for name, text in PATTERNS)
    return f"(case when trim({words}) = '' then NULL {cases} end)::utinyint"


def late_sql(words: str) -> str:
    """DuckDB SQL for whether the text expression `words` tells that time ran out, whatever it ran out in."""
    return f"regexp_matches({words}, {quoted(dict(PATTERNS)['deadline'])})"


def host_sql(words: str) -> str:
    """DuckDB SQL for `host` of the text expression `words`."""
    told = (f"nullif(regexp_extract({words}, {quoted(pattern)}, 1), '')" for pattern in _HOSTS)
    return f"lower(coalesce({', '.join(told)}, ''))"


def quoted(text: str) -> str:
    """The text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"
