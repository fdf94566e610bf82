"""Reports that the user's own training code made: found, copied, and shown without being trusted.

`kinds` says what a file is, `places` where one lies, `services` copies it and puts it on the card,
and `tables` reads rows out of text.
"""
