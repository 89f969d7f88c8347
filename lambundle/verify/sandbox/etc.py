"""Files in /etc of Lambda's host, as the packages system-release, setup and glibc of Amazon Linux 2023 have them."""

from __future__ import annotations

from lambundle import target

OS_RELEASE = """\
NAME="Amazon Linux"
VERSION="2023"
ID="amzn"
ID_LIKE="fedora"
VERSION_ID="2023"
PLATFORM_ID="platform:al2023"
PRETTY_NAME="Amazon Linux 2023"
ANSI_COLOR="0;33"
CPE_NAME="cpe:2.3:o:amazon:amazon_linux:2023"
HOME_URL="https://aws.amazon.com/linux/amazon-linux-2023/"
DOCUMENTATION_URL="https://docs.aws.amazon.com/linux/"
SUPPORT_URL="https://aws.amazon.com/premiumsupport/"
BUG_REPORT_URL="https://github.com/amazonlinux/amazon-linux-2023"
VENDOR_NAME="AWS"
VENDOR_URL="https://aws.amazon.com/"
"""

_SERVICES = """
echo 7 tcp udp
discard 9 tcp udp
daytime 13 tcp udp
ftp-data 20 tcp udp
ftp 21 tcp udp
ssh 22 tcp udp
telnet 23 tcp udp
smtp 25 tcp udp mail
time 37 tcp udp
domain 53 tcp udp
tftp 69 tcp udp
http 80 tcp udp www www-http
kerberos 88 tcp udp kerberos5 krb5
pop3 110 tcp udp pop-3
sunrpc 111 tcp udp portmapper rpcbind
nntp 119 tcp udp readnews untp
ntp 123 tcp udp
imap 143 tcp udp imap2
snmp 161 tcp udp
ldap 389 tcp udp
https 443 tcp udp
submission 587 tcp udp msa
ldaps 636 tcp udp
rsync 873 tcp udp
imaps 993 tcp udp
pop3s 995 tcp udp
ms-sql-s 1433 tcp udp
nfs 2049 tcp udp nfsd
mysql 3306 tcp udp
postgres 5432 tcp udp postgresql
amqp 5672 tcp udp
redis 6379 tcp
git 9418 tcp udp
"""
"""Name, port, protocols, aliases: of all those that are registered the ones that programs ask for."""

_PROTOCOLS = "ip 0, icmp 1, igmp 2, ipencap 4, tcp 6, udp 17, ipv6 41, gre 47, esp 50, ah 51, ipv6-icmp 58, sctp 132"


def _services() -> str:
    lines = []
    for name, port, *others in map(str.split, _SERVICES.strip().splitlines()):
        aliases = " ".join(word for word in others if word not in {"tcp", "udp"})
        lines += [f"{name}\t{port}/{word}\t{aliases}".rstrip() for word in others if word in {"tcp", "udp"}]
    return "".join(f"{line}\n" for line in lines)


def _protocols() -> str:
    rows = (row.split() for row in _PROTOCOLS.split(", "))
    return "".join(f"{name}\t{number}\t{name.upper()}\n" for name, number in rows)


FILES = {
    "passwd": target.PASSWD,
    "group": "",
    "hosts": "127.0.0.1 localhost\n",
    "resolv.conf": "",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "ld.so.conf": "/usr/lib64\n",
    "services": _services(),
    "protocols": _protocols(),
    "os-release": OS_RELEASE,
    "system-release": "Amazon Linux release 2023 (Amazon Linux)\n",
}
"""Their content by their names."""
