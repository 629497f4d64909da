"""The engine of the database alias `catalog`: django-mongodb-backend, told about defaults and lost connections."""
