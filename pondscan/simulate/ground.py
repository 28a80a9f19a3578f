"""The ground as it looks on one day in one sensor's bands, before any optics."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from pondscan.simulate import canvas, countryside, cycle, farmland, noise, shapes, wetlands
from pondscan.simulate import terrain as relief
from pondscan.simulate.canvas import Cells, Image
from pondscan.simulate.endmembers import SWIR_ROLES, palette, surface_code, tint_slope, varied
from pondscan.simulate.mines import RAGGEDNESS_M
from pondscan.simulate.place import Place
from pondscan.simulate.shapes import Boxes

_DIFFUSE = {
    "coastal": 0.36,
    "blue": 0.32,
    "green": 0.24,
    "red": 0.17,
    "rededge": 0.14,
    "nir": 0.09,
    "nir08": 0.085,
    "swir16": 0.045,
    "swir22": 0.04,
}
"""Share of the light that comes from the sky and reaches shadows too: modelled terrain shadow over modelled forest."""

_BRIGHTEST = 0.95
"""Reflectance that nothing on the ground exceeds."""

_SHADOW_STEPS = (0.35, 0.7, 1.0)
"""A shadow is drawn as copies of what throws it, at these shares of its length."""

_LEVELLED = 0.7
"""How far cleared ground is terraced, so that its slope no longer matters for light."""


def diffuse_share(roles: tuple[str, ...]) -> NDArray[np.float32]:
    """Share of diffuse light in each band."""
    return np.array([_DIFFUSE[role] for role in roles], dtype=np.float32)


@dataclass(frozen=True)
class Ground:
    """A place on one day, ready to be drawn in some bands."""

    place: Place
    when: datetime
    roles: tuple[str, ...]
    responses: str
    sun_elevation_deg: float
    sun_azimuth_deg: float
    snow: float = 0.0
    """Share of the ground, the highest, under patches of snow."""

    def draw(self, cells: Cells) -> Image:
        """Reflectance of ground cells as lit by the sun.

        Returns
        -------
        float32 array (n_bands, h, w)
        """
        lit, incidence = self._light_on(cells)
        bare = self._bareness_of(cells)
        image = self._natural(cells)
        if bare.any():
            image += bare * (self._bare_ground(cells) - image)
        if self.snow > 0.0:
            image += self._snow_on(cells) * (self._palette[surface_code("snow")][:, None] - image)
        diffuse = diffuse_share(self.roles)[:, None]
        slope = incidence + _LEVELLED * bare * (1.0 - incidence)
        image *= diffuse + (1.0 - diffuse) * lit * slope
        level_light = diffuse + (1.0 - diffuse) * lit
        self._paint_valley(image, cells, level_light)
        self._paint_ponds(image, cells, level_light)
        return np.asarray(image.reshape(-1, *cells.shape))

    def draw_mines(self, cells: Cells) -> tuple[Image, Image]:
        """The mines alone, in full light on level ground: what can be laid over another picture.

        Returns
        -------
        float32 array (n_bands, h, w)
            Reflectance times opacity.
        float32 array (h, w)
            Opacity, 0 where there is no mine.
        """
        n_cells = cells.x.size * cells.y.size
        bare = np.broadcast_to(self._bareness_of(cells), (n_cells,))
        layers = np.zeros((len(self.roles) + 1, n_cells), np.float32)  # the last one is the opacity
        if bare.any():
            layers[:-1] = bare * self._bare_ground(cells)
            layers[-1] = bare
        for table in (self._camps, self._rims, self.liquids):
            near = canvas.inside(table, cells)
            if len(near):
                colours = np.concatenate([self.colours(near), np.ones((len(near), 1), np.float32)], axis=1)
                canvas.paint(layers, canvas.cover(near, cells, finer=4), colours, np.ones_like(layers), joined="sum")
        painted = layers.reshape(-1, *cells.shape)
        return painted[:-1], painted[-1]

    def colours(self, table: Boxes) -> NDArray[np.float32]:
        """Reflectance of boxes in full sun: float32 (n_boxes, n_bands)."""
        is_swir = np.array([role in SWIR_ROLES for role in self.roles])
        tint = np.exp(table.tint[:, None] * tint_slope(self.roles))
        colour = self._palette[table.surface] * (table.gain[:, None] * tint) + table.swir_residual[:, None] * is_swir
        return np.asarray(np.minimum(colour, _BRIGHTEST), dtype=np.float32)

    @cached_property
    def liquids(self) -> Boxes:
        """Every visible pond and basin with the surface it shows."""
        states = cycle.pond_states(self.place.mines, self.when, self.place.seed)
        shown = states.pond[states.visible]
        basins = self.place.mines.basins.take(shown)
        is_liquid = (states.status == "present")[states.visible]
        residual = np.where(is_liquid, basins.swir_residual, 0.0)
        surface = states.surface[states.visible]
        if self.place.variety > 0.0:
            surface = np.where(is_liquid, surface, self._linings(shown))
        gain, tint = self._site_colour(self.place.mines.site[shown], "liquor", 0.22, 0.25)
        return replace(
            basins, surface=surface, swir_residual=residual, gain=basins.gain * gain, tint=basins.tint + tint
        )

    @cached_property
    def _rims(self) -> Boxes:
        states = cycle.pond_states(self.place.mines, self.when, self.place.seed)
        shown = states.pond[states.visible]
        is_pale = noise.hash_uniform(shown, np.zeros_like(shown), self.place.seed + 17) < 0.7
        rims = self.place.mines.basins.take(shown).grown(self.place.mines.rim_m[shown], surface_code("concrete"))
        surface = np.where(is_pale, surface_code("saprolite"), surface_code("liner_black"))
        gain, tint = self._site_colour(self.place.mines.site[shown], "rims", 0.25, 0.2)
        return replace(rims, surface=surface, gain=0.8 * gain, tint=tint)

    def _linings(self, pond: NDArray[np.int64]) -> NDArray[np.int64]:
        """What an empty basin shows: the liner of its site, mostly with earth on it."""
        draw = noise.hash_uniform(
            self.place.mines.site[pond], np.zeros_like(pond), noise.salt(self.place.seed, "liner")
        )
        names = ("basin_dry", "liner_black", "saprolite", "concrete", "laterite_moist")
        codes = np.array([surface_code(name) for name in names])
        return codes[np.searchsorted((0.4, 0.6, 0.75, 0.85), draw, side="right")]

    def _site_colour(
        self, site: NDArray[np.int64], name: str, brightness: float, tint: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gain and tint that things of one site share; the arguments are their spreads at variety 1."""
        seed = noise.salt(self.place.seed, name)
        deviates = (np.clip(ndtri(noise.hash_uniform(site, np.full_like(site, k), seed)), -2.2, 2.2) for k in (0, 1))
        bright, warm = (np.nan_to_num(deviate) for deviate in deviates)
        return np.exp(self.place.variety * brightness * bright), self.place.variety * tint * warm

    @cached_property
    def _camps(self) -> Boxes:
        return self.place.mines.camps.take(self.place.mines.camp_built <= cycle.day_number(self.when))

    @cached_property
    def _roads(self) -> Boxes:
        site = self.place.country.road_site
        is_there = np.append(self.place.mines.site_opened, -np.inf)[site] <= cycle.day_number(self.when)
        return self.place.country.roads.take(is_there)

    @cached_property
    def _palette(self) -> NDArray[np.float32]:
        """The place's colours, and how the season has changed them."""
        place, season = self.place, noise.salt(self.place.seed, f"{self.when:%Y-%m}")
        own = varied(palette(self.responses, self.roles), self.roles, noise.salt(place.seed, "colours"), place.variety)
        return varied(own, self.roles, season, place.variety, brightness=0.06)

    @cached_property
    def _light(self) -> relief.Light:
        return relief.light(self.place.terrain, self.sun_elevation_deg, self.sun_azimuth_deg)

    @cached_property
    def _clearings(self) -> tuple[Boxes, NDArray[np.float64]]:
        strength = cycle.bareness(self.place.mines, self.when)
        return self.place.mines.clearings.take(strength > 0.0), strength[strength > 0.0]

    def _light_on(self, cells: Cells) -> tuple[Image, Image]:
        """Sun visibility and relative incidence of each cell, flat."""
        ground = self.place.terrain
        return (
            ground.on_raster(self._light.lit, cells.x, cells.y).ravel(),
            ground.on_raster(self._light.incidence, cells.x, cells.y).ravel(),
        )

    def _bareness_of(self, cells: Cells) -> Image:
        """Share of each cell that mining has stripped, flat."""
        table, strength = self._clearings
        numbered = replace(table, gain=strength)
        near = canvas.inside(numbered, cells, margin_m=RAGGEDNESS_M + 3.0)
        n_cells = cells.x.size * cells.y.size
        if len(near) == 0:
            return np.zeros(n_cells, dtype=np.float32)
        covered = canvas.cover(near, cells, warp=self._warp(cells), softness_m=5.0)
        return canvas.union_share(covered, near.gain, n_cells)

    def _snow_on(self, cells: Cells) -> Image:
        """Share of each cell under snow, flat: patches above a line, thicker the higher."""
        ground = self.place.terrain
        line_m = float(np.quantile(ground.elevation_m, 1.0 - self.snow))
        above = (ground.on_raster(ground.elevation_m, cells.x, cells.y) - line_m) / 60.0
        patches = noise.fractal(cells.x, cells.y, (130.0, 50.0, 20.0), noise.salt(self.place.seed, "snow"), 0.6)
        share = np.clip(np.minimum(above, 1.0) + 1.3 * patches - 0.3, 0.0, 0.9) * (above > -1.0)
        return np.asarray(share.ravel(), dtype=np.float32)

    def _warp(self, cells: Cells) -> tuple[Image, Image]:
        """Displacement that makes edges ragged; so bounded that the apron around a pond stays cleared."""
        limit = RAGGEDNESS_M / math.sqrt(2.0)
        east, north = (
            0.7 * limit * noise.fractal(cells.x, cells.y, (38.0, 15.0), noise.salt(self.place.seed, name), 0.6)
            for name in ("warp east", "warp north")
        )
        return np.clip(east, -limit, limit), np.clip(north, -limit, limit)

    def _natural(self, cells: Cells) -> Image:
        """Slopes under forest, scrub, grass, scars and burns, and the open valley floor; flat, unlit."""
        seed, kind = self.place.seed, self.place.preset
        shares = {
            name: _patches(cells, share, spacing_m, noise.salt(seed, name), softness)
            for name, share, spacing_m, softness in (
                ("scrub", kind.scrub, 330.0, 0.35),
                ("dry_grass", kind.grass, 240.0, 0.5),
                ("laterite_dry", kind.scars, 110.0, 0.25),
                ("burnt", kind.burnt, 210.0, 0.2),
            )
            if share > 0.0
        }
        floor = self._floor_share(cells)
        shares["dry_grass"] = np.maximum(shares.get("dry_grass", np.float32(0.0)), 0.55 * floor)
        weights = _over_each_other(["scrub", "dry_grass", "laterite_dry", "burnt"], shares, "forest", floor)
        codes = [surface_code(name) for name in weights]
        image = self._palette[codes].T @ np.stack([weight.ravel() for weight in weights.values()])
        return np.asarray(image * self._texture(cells))

    def _floor_share(self, cells: Cells) -> Image:
        """1 on valley floors, 0 on slopes."""
        valleys = self.place.terrain.valleys
        distance = np.abs(valleys.distance(cells.x[None, :], cells.y[:, None]))
        ragged = 25.0 * noise.value_noise(cells.x, cells.y, 90.0, noise.salt(self.place.seed, "floor edge"))
        return np.asarray(np.clip((valleys.floor_m + 20.0 - distance + ragged) / 50.0, 0.0, 1.0), dtype=np.float32)

    def _texture(self, cells: Cells) -> Image:
        """Brightness of stands, crowns and the shadows between them, per band, flat."""
        seed = self.place.seed
        stands = 0.10 * noise.value_noise(cells.x, cells.y, 85.0, noise.salt(seed, "stands"))
        crowns = 0.16 * noise.value_noise(cells.x, cells.y, 13.0, noise.salt(seed, "crowns"))
        leaves = 0.16 * noise.value_noise(cells.x, cells.y, 5.0, noise.salt(seed, "leaves"))
        species = 0.10 * noise.value_noise(cells.x, cells.y, 150.0, noise.salt(seed, "species"))
        common = np.exp(stands + crowns + leaves).ravel()
        infrared = common * np.exp(species).ravel()
        is_infrared = np.array([role in ("rededge", "nir", "nir08") for role in self.roles])
        return np.asarray(np.where(is_infrared[:, None], infrared, common), dtype=np.float32)

    def _bare_ground(self, cells: Cells) -> Image:
        """Fresh cuts, moist laterite and white saprolite, flat, unlit."""
        seed = self.place.seed
        white = noise.fractal(cells.x, cells.y, (70.0, 22.0), noise.salt(seed, "saprolite"), 0.6)
        if self.place.variety > 0.0:
            white += self.place.variety * noise.value_noise(cells.x, cells.y, 400.0, noise.salt(seed, "hill"))
        moist = noise.fractal(cells.x, cells.y, (55.0, 18.0), noise.salt(seed, "moist"), 0.6)
        pale_share = np.clip(0.22 + 0.28 * white, 0.0, 0.85).ravel()
        moist_share = (1.0 - pale_share) * np.clip(0.25 + 0.3 * moist, 0.0, 0.9).ravel()
        shares = np.stack([1.0 - pale_share - moist_share, moist_share, pale_share])
        codes = [surface_code(name) for name in ("laterite_dry", "laterite_moist", "saprolite")]
        rubble = np.exp(0.10 * noise.value_noise(cells.x, cells.y, 7.0, noise.salt(seed, "rubble"))).ravel()
        return np.asarray((self._palette[codes].T @ shares) * rubble, dtype=np.float32)

    def _paint_valley(self, image: Image, cells: Cells, light: Image) -> None:
        country, month, seed = self.place.country, self.when.month, self.place.seed
        parcels = countryside.parcels_on(country, month, noise.salt(seed, "crops"))
        rivers = countryside.rivers_on(country, month, noise.salt(seed, "rivers"))
        self._paint_settled(image, cells, light)
        self._paint_wetlands(image, cells, light)
        for table, is_ragged in (
            (parcels, False),
            (country.yards, True),
            (country.sand, True),
            (rivers, False),
            (self._roads, False),
            (country.wetlands.roads, False),
            (country.roofs, False),
            (self._camps, False),
            (country.fish_ponds, False),
        ):
            near = canvas.inside(table, cells, margin_m=RAGGEDNESS_M * is_ragged)
            if len(near):
                covered = canvas.cover(near, cells, finer=2, warp=self._warp(cells) if is_ragged else None)
                canvas.paint(image, covered, self.colours(near), light)

    def _paint_settled(self, image: Image, cells: Cells, light: Image) -> None:
        """Towns and farms; what stands upright throws its shadow before it is drawn itself."""
        settled = self.place.country.settled
        fields = farmland.fields_on(settled.fields, self.when.month, noise.salt(self.place.seed, "crops"))
        for table in (fields, settled.ground, settled.yards):
            near = canvas.inside(table, cells)
            if len(near):
                canvas.paint(image, canvas.cover(near, cells), self.colours(near), light)
        self._shade(image, cells)
        near = canvas.inside(settled.objects, cells)
        if len(near):
            canvas.paint(image, canvas.cover(near, cells, finer=2), self.colours(near), light)

    def _paint_wetlands(self, image: Image, cells: Cells, light: Image) -> None:
        """Natural ponds and lakes, as full as the season has them."""
        wet, seed = self.place.country.wetlands, self.place.seed
        tables = (wet.hollows, wet.shores, wet.reeds, *wet.liquids)
        level = wetlands.levels(wet, self.when, seed)
        wetlands.paint(image, cells, light, wet, level, [self.colours(table) for table in tables], seed)

    def _shade(self, image: Image, cells: Cells) -> None:
        """Take the direct light from the ground that buildings and trees shade, in place."""
        settled = self.place.country.settled
        longest_m = settled.height_m / math.tan(math.radians(self.sun_elevation_deg))
        towards = math.radians(self.sun_azimuth_deg)
        thrown = [
            replace(
                settled.objects,
                x=settled.objects.x - share * longest_m * math.sin(towards),
                y=settled.objects.y - share * longest_m * math.cos(towards),
            )
            for share in _SHADOW_STEPS
        ]
        near = canvas.inside(shapes.stack(thrown), cells)
        if len(near):
            covered = canvas.cover(near, cells)
            shaded = canvas.union_share(covered, np.ones(len(near)), image.shape[1])
            image *= 1.0 - shaded * (1.0 - diffuse_share(self.roles)[:, None])

    def _paint_ponds(self, image: Image, cells: Cells, light: Image) -> None:
        for table in (self._rims, self.liquids):
            near = canvas.inside(table, cells)
            if len(near):
                covered = canvas.cover(near, cells, finer=4)
                canvas.paint(image, covered, self.colours(near), light, joined="sum")


def _patches(cells: Cells, share: float, spacing_m: float, seed: int, softness: float) -> Image:
    """Patches that cover about ``share`` of the ground, with edges softened over ``softness`` standard deviations."""
    field = noise.fractal(cells.x, cells.y, (spacing_m, spacing_m / 2.7, spacing_m / 7.0), seed, 0.5)
    threshold = np.float32(ndtri(1.0 - share))
    return np.asarray(np.clip(0.5 + (field - threshold) / np.float32(softness), 0.0, 1.0))


def _over_each_other(order: list[str], shares: dict[str, Image], base: str, floor: Image) -> dict[str, Image]:
    """Weights of surfaces that lie upon each other, summing to one; on valley floors scrub replaces the forest."""
    left = np.ones_like(floor)
    weights: dict[str, Image] = {}
    for name in reversed(order):
        if name in shares:
            weights[name] = left * shares[name]
            left = left - weights[name]
    scrub = left * 0.85 * floor
    weights["scrub"] = weights.get("scrub", np.float32(0.0)) + scrub
    weights[base] = left - scrub
    return weights
