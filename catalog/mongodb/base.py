"""What Django loads for `ENGINE = "catalog.mongodb"`."""

from typing import Any

from django_mongodb_backend import base, features, operations, schema

from catalog.mongodb.validator import validator_of


class DatabaseFeatures(features.DatabaseFeatures):
    # The model gives every value of its own (`auto_now`, `default`): the default of the SQL column is never needed.
    supports_expression_defaults = True
    # Checked by the collection's validator.
    supports_table_check_constraints = True


class DatabaseOperations(operations.DatabaseOperations):
    compiler_module = "catalog.mongodb.compiler"


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """The collection refuses what the model's constraints refuse."""

    def create_model(self, model: Any) -> None:
        super().create_model(model)
        if validator := validator_of(model):
            self.connection.database.command("collMod", model._meta.db_table, validator=validator)


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor
