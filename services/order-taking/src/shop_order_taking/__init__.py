"""Takes orders: prices, tax, coupon and availability checked."""
