"""A/B tests: who sees which arm, how many are needed, and what the outcomes show.

design       what was agreed beforehand, in one file
assignment   unit → arm, by hash
planning     units for a wanted difference
logs         rows of a log → answers, with everything that was not used counted
groups       answers → units of each arm, or pairs where both arms answered the same item
effects      one metric of two arms → intervals of one look and of every look
judged       all of a log → verdict, with the checks that may forbid one
told         the result in words and tables; written, markdown, page: as JSON, Markdown, HTML
"""
