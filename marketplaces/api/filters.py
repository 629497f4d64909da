import django_filters

from marketplaces.enums import Channel, ListingState, OrderState, OrderTask, Review


class ItemFilter(django_filters.FilterSet):
    category = django_filters.CharFilter(field_name="category__code")
    sku = django_filters.CharFilter()
    code = django_filters.CharFilter()
    review = django_filters.ChoiceFilter(choices=Review.choices)


class ListingFilter(django_filters.FilterSet):
    item = django_filters.UUIDFilter(field_name="item__public_id")
    channel = django_filters.ChoiceFilter(choices=Channel.choices)
    state = django_filters.ChoiceFilter(choices=ListingState.choices)


class OrderFilter(django_filters.FilterSet):
    channel = django_filters.ChoiceFilter(choices=Channel.choices)
    state = django_filters.ChoiceFilter(choices=OrderState.choices)
    task = django_filters.ChoiceFilter(choices=OrderTask.choices)
