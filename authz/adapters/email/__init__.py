"""E-mail: a plain-text summary and a link, through any SMTP server."""
