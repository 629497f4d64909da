from marketplaces.models.attributes import (
    ATTRIBUTES,
    Attribute,
    Brand,
    BrandChannelId,
    Category,
    CategoryChannelId,
    ChannelId,
    Color,
    ColorChannelId,
    Condition,
    ConditionChannelId,
    Material,
    MaterialChannelId,
    Size,
    SizeChannelId,
)
from marketplaces.models.base import TenantForeignKey, TenantManager, TenantModel, TenantQuerySet
from marketplaces.models.connections import ChannelAuthorization, ChannelConnection
from marketplaces.models.items import Item, ItemImage
from marketplaces.models.listings import Listing
from marketplaces.models.merchants import Membership, Merchant, Plan, SubscriptionQuota
from marketplaces.models.orders import Order, OrderLine

__all__ = [
    "ATTRIBUTES",
    "Attribute",
    "Brand",
    "BrandChannelId",
    "Category",
    "CategoryChannelId",
    "ChannelAuthorization",
    "ChannelConnection",
    "ChannelId",
    "Color",
    "ColorChannelId",
    "Condition",
    "ConditionChannelId",
    "Item",
    "ItemImage",
    "Listing",
    "Material",
    "MaterialChannelId",
    "Membership",
    "Merchant",
    "Order",
    "OrderLine",
    "Plan",
    "Size",
    "SizeChannelId",
    "SubscriptionQuota",
    "TenantForeignKey",
    "TenantManager",
    "TenantModel",
    "TenantQuerySet",
]
