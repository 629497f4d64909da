"""The outbox: `send_mail_later` writes a row in the caller's transaction, a task sends it, the sweep finishes it.

A mail server that is down delays mail and never fails a request. Templates are `templates/mail/<name>.txt`, `.html`
and `_subject.txt`, French with English by gettext. What a template is given is encrypted in the row and forgotten once
the mail is sent. A kind of mail that can only be composed when it is sent (a code that must still be fresh, a person
who may not exist) has a composer, registered in its app's `AppConfig.ready`.
"""

from common.mail.composing import Composed, register_composer
from common.mail.queueing import send_mail_later

__all__ = ["Composed", "register_composer", "send_mail_later"]
