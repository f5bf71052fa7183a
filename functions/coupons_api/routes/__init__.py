"""The routes of the coupons API: parse, call one use case, render."""

from functions.coupons_api.routes import claims, codes, coupons, orders, shops

ROUTERS = (coupons.router, codes.router, claims.router, orders.router, shops.router)
