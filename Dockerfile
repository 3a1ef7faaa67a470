FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/lessy

COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY manage.py ./
COPY clients clients
COPY lessy lessy
COPY notifications notifications
COPY projects projects
COPY tasks tasks

# By its number, so that a host can see that it is not root.
RUN useradd --system --uid 10001 --home-dir /srv/lessy lessy && install -d -o lessy var
USER 10001

EXPOSE 8000
# SIGTERM drains: docker stop has to wait for longer than CABLE_DRAIN_SECONDS.
STOPSIGNAL SIGTERM
CMD ["python", "manage.py", "serve", "--bind", "0.0.0.0:8000"]
