"""Actions of filters as data, ``tc``'s words for them, and what ``tc -batch`` scripts of all classifiers share."""
