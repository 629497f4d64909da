# One image for every process of ours: web, web-io, worker, sweep and migrate differ in their command only.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app

# Before the project: this layer is rebuilt only when a dependency changes.
COPY requirements.txt ./
RUN pip install --requirement requirements.txt

COPY . ./

# The process may write its data and nothing else of the image.
RUN useradd --system --uid 10001 --create-home --home-dir /data medoc \
    && install --directory --owner medoc /data/media /data/files

ENV DATA_DIR=/data \
    STATIC_ROOT=/app/static \
    PORT=8000

# The start demands secrets; these are random, live for this one command and stay in no layer.
RUN throw_away="$(python -c 'import secrets; print(secrets.token_hex(32))')" \
    && SECRET_KEY="$throw_away" \
       JWT_SIGNING_KEY="$throw_away" \
       ENCRYPTION_KEYS="$throw_away" \
       AUDIT_KEY="$throw_away" \
       AUDIT_SEAL_KEY="$throw_away" \
       PAYMENTS_CALLBACK_TOKEN="$throw_away" \
       MYPAYGA_API_KEY="$throw_away" \
       MYPAYGA_CALLBACK_SECRET="$throw_away" \
       SINGPAY_CLIENT_ID="$throw_away" \
       SINGPAY_CLIENT_SECRET="$throw_away" \
       SINGPAY_WALLET="$throw_away" \
       PUBLIC_URL=https://build.invalid \
       python manage.py collectstatic --noinput

USER medoc

EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "deploy/healthcheck.py"]

CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "config.wsgi:application"]
