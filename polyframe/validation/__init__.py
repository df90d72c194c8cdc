"""Whether paper fills are honest: the same orders on paper and on an exchange of known truth.

``polyframe validate-paper`` (docs/paper-validation.md, docs/adr/0011).
"""
