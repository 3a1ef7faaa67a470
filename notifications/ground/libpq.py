"""
How long a connection to PostgreSQL waits for a server that vanished. libpq itself waits for ever; with these
a connect gives up after 5 s, and a connection whose peer is silent after 10 s.
"""

# In seconds, the last one in milliseconds.
DEADLINES = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
