"""What headers are made of that nobody should send, by the kind of reader that may stumble."""

NAMES = [
    "host", "origin", "referer", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "cookie",
    "authorization", "accept", "accept-language", "accept-encoding", "accept-charset",
    "content-type", "content-encoding", "content-length", "content-language",
    "content-disposition", "transfer-encoding", "te", "trailer", "upgrade", "if-match",
    "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range",
    "idempotency-key", "last-event-id", "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-proto", "x-real-ip", "forwarded", "via", "x-request-id", "traceparent",
    "tracestate", "baggage", "user-agent", "expect", "connection", "keep-alive", "prefer",
    "x-http-method-override", "x-requested-with", "cache-control", "pragma", "date", "dnt",
    "priority", "x-file-name", "x-nobody-knows",
]  # fmt: skip
COOKIES = [
    "session", "access", "device", "language", "zone", "theme", "__Host-session",
    "__Host-access", "registration", "email", "__Host-registration", "",
]  # fmt: skip
KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/x")
URLS = [
    b"http://[", b"http://]", b"http://[::1", b"http://[::1%25eth0]", b"http://[v1.x]/", b"//[",
    b"http://a:b", b"http://@", b"http://a:99999999", b"http://\xe2\x84\x80.example",
    b"http://\xff",
    b"http://xn--a.example", b"http://xn--\xff", b"http://" + b"a" * 300, b"http://a]b", b"null",
    b"http://localhost:8000", b"http://localhost:8000/[", b"http://localhost:8000@[", b"http:///",
    b"localhost:8000", b"localhost:8000:8000", b"localhost:", b"[::1]", b"[", b"]", b"[::1%eth0]:1",
    b"\xe2\x84\x80", b"http://localhost:8000/\xff?\xff#\xff", b"javascript:",
    b"http://\xef\xbc\x8f/",
]  # fmt: skip
ADDRESSES = [
    b"fe80::1%eth0", b"fe80::1%", b"::ffff:1.2.3.4%1", b"1.2.3.4.5", b"10.0.0.1", b"%", b"::",
    b":::",
    b"10.0.0.1, fe80::1%eth0", b'for="[fe80::1%25eth0]"', b"[fe80::1]:1", b"1.2.3.4:5", b"0x7f.1",
    b"\xd9\xa1.1.1.1", b"unknown", b"," * 2000, b"1.1.1.1," * 900, b"2001:db8::%" + b"x" * 900,
]  # fmt: skip
KINDS_SPOILT = [
    b"multipart/form-data", b"multipart/form-data; boundary=", b'multipart/form-data; boundary="',
    b"multipart/form-data; boundary=" + b"b" * 256, b"multipart/form-data; boundary=" + b"b" * 257,
    b"multipart/form-data; boundary=" + b"b" * 9999, b"multipart/form-data; boundary*=x''%ff",
    b"multipart/form-data; boundary=\xff\xfe", b"multipart/form-data; boundary=a; boundary=b",
    b"multipart/mixed; boundary=b", b"multipart/form-data; boundary=b; charset=nonsense", b"/",
    b"application/json; charset=utf-16", b"application/json; charset=\xff", b"application/",
    b"gzip",
    b"application/json;charset*=x''%ff", b"application/x+json", b"application/json, text/html",
    b"application/x-www-form-urlencoded; charset=utf-7", b"application/x-www-form-urlencoded;",
    b"form-data; name=\"file\"; filename*=UTF-8''%ff", b"text/html;q=1e999", b"*/*;q=nan",
    b"*/*;q=",
    b"ru;q=-1,en;q=\xff", b"x-" * 200, b"text/html,application/json", b"=?utf-8?q?=0D=0A?=",
]  # fmt: skip
MARKS = [
    b'W/"v1"', b'"v1"', b'"v' + b"9" * 30 + b'"', b"v-1", b'"v\xd9\xa3"', b'"v1_0"', b"*", b'"',
    b"bytes=0-0", b"bytes=-1", b"bytes=9-1", b"bytes=0-0,0-0", b"bytes=" + b"0-," * 500, b"bytes",
    b"bytes=" + b"9" * 500 + b"-", b"Sun, 99 Nov 9999 99:99:99 GMT", b'"v9223372036854775808"',
    b"-1", b"0", b"1e400", b"9" * 5000, b"1_000", b"\xd9\xa3", b"18446744073709551616", b"NaN",
]  # fmt: skip
SECRETS = [
    b"Bearer", b"Bearer ", b"bearer x", b"Bearer \xff", b"Bearer a.b.c", b"Bearer prv_",
    b"Basic Og==",
    b"Bearer eyJhbGciOiJub25lIn0.e30.", b"Bearer eyJhbGciOjF9.e30.x", b"Bearer W10.W10.W10",
    b"Bearer prv_\xff", b"Bearer prv_" + b"x" * 3000, b"Bearer " + b"x" * 9000, b"Digest a=b",
    b"Europe/Berlin", b"../../etc/passwd", b"..", b"/etc/passwd", b"Z" * 300, b"dark", b"\xff",
    b"\\377",
    b'"\\777"', b"a\xed\xa0\x80", b"x" * 32, b"%ff", b"\x00", b"A/../..", b"con", b"ru", b"RU",
    b"Etc/",
]  # fmt: skip
REST = [
    b"", b" ", b"\t", b"\x7f", b"\xff\xfe", b"\xc3\xa9", b"\xe9", b"%00", b"%zz", b"%25", b"%ff%fe",
    b"None", b",", b",,,,", b";", b";;;=;", b"=", b"a=b", b'a="', b'"\\', b"'", b"\\", b"(",
    b"chunked",
    b"identity", b"100-continue", b"close", b"upgrade", b"websocket", b"{{7*7}}", b"a=1," * 200,
    b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"00-" + b"f" * 32 + b"-" + b"f" * 16 + b"-ff",
    b"ff-x-y-z", b"same-origin", b"cross-site", b"none", b"DELETE", b"TRACE", b"x" * 8000,
    b"\xf0\x9f\x92\xa9",
]  # fmt: skip
FAMILIES = {
    "host origin referer x-forwarded-host": URLS,
    "x-forwarded-for forwarded x-real-ip": ADDRESSES,
    "content-type accept accept-language content-encoding content-disposition": KINDS_SPOILT,
    "if-match if-none-match range if-range content-length last-event-id idempotency-key": MARKS,
    "authorization cookie": SECRETS,
    "traceparent tracestate baggage x-request-id user-agent transfer-encoding expect": REST,
}
WORDS = [word for words in FAMILIES.values() for word in words]
