#!/bin/sh
# Writes the files below secrets/ that compose.yaml hands to the services. What exists is left as it is.
set -eu
cd "$(dirname "$0")/.."
mkdir -p secrets
# Nobody else on this machine enters the folder; inside the containers our user has to read the files.
chmod 700 secrets
umask 022

write() { # write NAME VALUE
    [ -e "secrets/$1.txt" ] || printf '%s\n' "$2" > "secrets/$1.txt"
}

for name in secret_key jwt_signing_key encryption_keys audit_key audit_seal_key payments_callback_token; do
    write "$name" "$(openssl rand -hex 32 | tr -d '\n')"
done

# Hexadecimal, because they also stand in addresses.
for name in postgres_password database_password database_owner_password database_staff_password mongodb_password; do
    write "$name" "$(openssl rand -hex 24)"
done
write database_owner_url "postgres://medoc_owner:$(cat secrets/database_owner_password.txt)@postgres:5432/medoc"
write database_staff_url "postgres://medoc_staff:$(cat secrets/database_staff_password.txt)@postgres:5432/medoc"

# Issued by others.
write mypayga_api_key change-me
write mypayga_callback_secret change-me
write singpay_client_id change-me
write singpay_client_secret change-me
write singpay_wallet change-me
write email_url smtp+tls://change-me:change-me@mail.example.org:587

for file in $(grep -l change-me secrets/*.txt); do
    echo "Put the real value into $file: the start refuses the placeholder."
done
