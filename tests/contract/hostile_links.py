"""Addresses that a source's answer may carry and that nobody may follow."""

from __future__ import annotations

from collections.abc import Iterator


def hostile_links(port: int, other: int) -> list[str]:
    """Links that lead, or could be read as leading, away from a source at 127.0.0.1:`port`; a foreign server listens at `other`."""
    return [
        f"http://127.0.0.1:{other}/next",
        f"http://localhost:{other}/next",
        f"http://localhost:{port}/next",
        f"http://127.0.0.2:{port}/next",
        f"https://127.0.0.1:{port}/next",
        f"HTTP://127.0.0.1:{other}/next",
        f"//127.0.0.1:{other}/next",
        f"///127.0.0.1:{other}/next",
        f"http:/127.0.0.1:{other}/next",
        f"http:127.0.0.1:{other}/next",
        f"http:///127.0.0.1:{other}/next",
        f"http://127.0.0.1:{port}@127.0.0.1:{other}/next",
        f"http://user@127.0.0.1:{port}/next",
        f"http://user:word@127.0.0.1:{port}/next",
        f"http://127.0.0.1:{other}#@127.0.0.1:{port}/next",
        f"http://127.0.0.1:{other}?@127.0.0.1:{port}/next",
        f"http://127.0.0.1:{other}\\@127.0.0.1:{port}/next",
        f"http://127.0.0.1:{port}\\.evil.example/next",
        f"http:\\\\127.0.0.1:{other}\\next",
        f"/\\127.0.0.1:{other}/next",
        f"\\/127.0.0.1:{other}/next",
        f"http://127.0.0.1:{port}.evil.example/next",
        f"http://127.0.0.1.evil.example:{port}/next",
        f"http://127.0.0.1%00.evil.example:{port}/next",
        f"http://127.0.0.1%2eevil.example:{port}/next",
        f"http://2130706433:{other}/next",
        f"http://2130706433:{port}/next",
        f"http://0x7f000001:{port}/next",
        f"http://0177.0.0.1:{port}/next",
        f"http://127.1:{port}/next",
        f"http://0:{port}/next",
        f"http://[::1]:{port}/next",
        f"http://[::ffff:127.0.0.1]:{port}/next",
        f"http://[::ffff:7f00:1]:{other}/next",
        f"http://①②⑦.0.0.1:{other}/next",
        f"http://127。0。0。1:{other}/next",
        f"http://loc\u0430lhost:{other}/next",
        f"http://xn--loclhost-gvf:{other}/next",
        f" http://127.0.0.1:{other}/next",
        f"http://127.0.0.1:{port}/next http://127.0.0.1:{other}/",
        f"http://127.0.0.1:{port}\t.evil.example/next",
        f"http://127.0.0.1:{port}\r\nHost: evil.example/next",
        "/next\r\nX-Evil: 1\r\n",
        "/next HTTP/1.1\r\nHost: evil\r\n",
        f"http://127.0.0.1:{port}\x00.evil.example/",
        f"http://127.0.0.1:{port + 65536}/next",
        "http://127.0.0.1:0/next",
        "http://127.0.0.1:/next",
        "http://127.0.0.1:٣٣٣٣/next",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1%25eth0]/next",
        "http://10.0.0.1/next",
        "https://evil.example/next",
        "https://api.hubapi.com.evil.example/next",
        "ftp://127.0.0.1/next",
        "file:///etc/passwd",
        "gopher://127.0.0.1/next",
        "data:application/json,{}",
        "javascript:alert(1)",
        "next",
        "../next",
        "?after=2",
        "",
        *every_spelling(port, other),
    ]


def every_spelling(port: int, other: int) -> Iterator[str]:
    """Each way of writing another host, or this one's other names, in each form that a link may take."""
    hosts = [
        f"127.0.0.1:{other}", f"localhost:{port}", f"LOCALHOST:{other}", f"127.0.0.01:{other}", f"0177.0.0.01:{other}",
        f"0x7f.0.0.1:{other}", f"0x7F000001:{other}", f"017700000001:{other}", f"127.0.1:{other}", f"0.0.0.0:{other}",
        f"[::1]:{other}", f"[0:0:0:0:0:0:0:1]:{port}", f"[::ffff:127.0.0.1]:{other}", f"[::127.0.0.1]:{port}",
        f"127.0.0.1.:{other}", f"127.0.0.1:0{other}", f"127.0.0.1:{other}:{port}", f"a:b@127.0.0.1:{other}",
        f"127.0.0.1:{port}%40127.0.0.1:{other}", f"127.0.0.1%23@127.0.0.1:{other}", f"127.0.0.1%2f@127.0.0.1:{other}",
        f"127.0.0.1%3f@127.0.0.1:{other}", f"127.0.0.1;@127.0.0.1:{other}", f"127.0.0.1,127.0.0.1:{other}",
        "169.254.169.254", "2852039166", "0xA9FEA9FE", "[::ffff:169.254.169.254]", "[fe80::1]", "192.168.0.1", "evil.example",
        "127.0.0.1.evil.example", "xn--e1afmkfd.example",
    ]  # fmt: skip
    forms = ("http://{}/next", "https://{}/next", "//{}/next", "http://{}", "hTTp://{}/?after=2#x")
    return (form.format(host) for host in hosts for form in forms)
