"""`{{ moment|age }}`: how long ago that was."""

from django import template

from common.ages import age

register = template.Library()
register.filter("age", age)
