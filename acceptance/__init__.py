"""What needs Debian's tools (cron, systemd, Chromium): run by `make check-tools`, never by `make test`."""
