"""Who is told what happens, as PAYROLL_SUBSCRIBERS lists them.

console                           a line of the log
sns:arn:aws:sns:…                 a topic, with attributes to filter on
sqs:<queue name or URL>           a queue
https://…                         a webhook, signed (http:// outside production)
mailto:someone@example.com        an e-mail

Behind a # stand the topics that a subscriber wants, joined by +, with * for any part: without it, all of them.

    PAYROLL_SUBSCRIBERS=console,https://example.com/hook#payment.*+dead_letter.created
"""
