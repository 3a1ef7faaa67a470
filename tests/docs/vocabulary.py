"""
Words and phrases that the documentation and the messages do not use.

A reader of Django's documentation must find the terms again that they know, and the actor of each sentence.
"""

# A regular expression, without regard to case -> what to write instead, and a sentence that it finds.
WORDS = {
    # The field has a term.
    r"\bever more slowly\b": (
        "with exponential backoff",
        "come back, ever more slowly and with chance in it",
    ),
    r"with chance in it": ("with jitter", "ever more slowly and with chance in it"),
    r"\bfarewells?\b": ("disconnect frames", "how long a stop spreads its farewells over"),
    r"\bswallow(s|ed|ing)?\b": ("drops, loses", "Redis restarts, freezes, or swallows messages"),
    r"\boverstay(s|ed)?\b": ("timed out", "reads that overstayed"),
    r"\blooks? at the tables": ("a pass over the tables", "the last complete look at the tables"),
    r"\bsave for\b": ("except", "all save for one"),
    r"\bmerely slow\b": ("slow", "a database that is merely slow"),
    r"\b(is|are) good (once|for \d)": ("is valid", "It is good for 60 s"),
    r"\bends? TLS\b": ("terminates TLS", "a proxy ends TLS"),
    r"\banswered with silence\b|\bin silence\b": ("gets no answer; silently", "answered with silence"),
    r"\bto be believed\b|\b(is|not) believed\b": ("trusted, ignored", "with 0 the header is not believed"),
    r"\bgoes? for good\b": ("is deleted permanently", "the task goes for good"),
    r"\bas good as none\b": ("is ignored", "another header is as good as none"),
    r"\b(goes|go) the whole way\b|\bthe whole way of\b": ("tests the path of", "goes the whole way"),
    # Who does it is missing, or a riddle.
    r"\bwho(m)?ever\b": ("a user who, a client that, anyone who", "Whoever means harm"),
    r"\bnobody may\b": ("the endpoint is disabled", "who sends it may read it; without one nobody may"),
    r"\bwho does can\b": ("anyone who does can", "who does can name any address as its own"),
    r"\bmeans harm\b": ("hostile input", "Whoever means harm"),
    r"\bword of\b|\boperator's word\b": ("an order of", "by word of the database"),
    r"\bsomebody else's|of somebody's": ("another user's", "somebody else's project"),
    r"\b(is|are|be) (not )?told of\b": ("is notified of", "it refetches what it is told of"),
    r"\bhear(s|d|ing)? of\b": ("receives, is notified of", "every member hears of its cards"),
    r"\bdo(es)? not belong together\b": (
        "say what is wrong: Wrong user name or password",
        "This name and this password do not belong together",
    ),
    r"\bwhat hinders\b|\bhindrance\b": ("why it cannot start", "serve says what hinders it"),
    r"\bnothing to say of\b": ("reports no issues", "the check has nothing to say of it"),
    r"\b(is|was|are|were) away\b": ("is down (a server), is offline (a client)", "while Redis is away"),
    r"\bcomes? in by\b|\bmay come in\b": ("connects with, may connect", "it comes in by a ticket"),
    r"\btold to come back\b": ("told to reconnect", "clients are told to come back"),
    r"\b(will )?do(es)? without (its|it|the)\b": ("works without", "the page will do without its live cable"),
    r"\bis no (variable|callable|function|class|column)\b": (
        "is not a …",
        "X is no variable of this project",
    ),
}
