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
from marketplaces.models.found import BuyerMessage, ForeignListing
from marketplaces.models.items import Item, ItemImage
from marketplaces.models.jobs import ChannelCall, ChannelQueue, Job, JobTurn
from marketplaces.models.listings import GateRound, Listing
from marketplaces.models.merchants import Membership, Merchant, Plan, SubscriptionQuota
from marketplaces.models.orders import Order, OrderLine
from marketplaces.models.plugin import PluginDevice, PluginTask

__all__ = [
    "ATTRIBUTES",
    "Attribute",
    "Brand",
    "BrandChannelId",
    "BuyerMessage",
    "Category",
    "CategoryChannelId",
    "ChannelAuthorization",
    "ChannelCall",
    "ChannelConnection",
    "ChannelId",
    "ChannelQueue",
    "Color",
    "ColorChannelId",
    "Condition",
    "ConditionChannelId",
    "ForeignListing",
    "GateRound",
    "Item",
    "ItemImage",
    "Job",
    "JobTurn",
    "Listing",
    "Material",
    "MaterialChannelId",
    "Membership",
    "Merchant",
    "Order",
    "OrderLine",
    "Plan",
    "PluginDevice",
    "PluginTask",
    "Size",
    "SizeChannelId",
    "SubscriptionQuota",
    "TenantForeignKey",
    "TenantManager",
    "TenantModel",
    "TenantQuerySet",
]
