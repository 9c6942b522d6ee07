"""The routes, on aiohttp: parsing, answering, guarding; everything else is below."""
