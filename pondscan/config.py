"""Settings: one model, every default written once.

Nothing below the pipeline sees these models: the core takes plain keyword numbers. ``configfile`` reads them from TOML
and prints them with their descriptions.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pondscan.model import BAND_ROLES, MASK_ROLES

FILE_SETTINGS = ("aoi.path", "terrain.dem", "context.events", "context.series", "context.layers.path")
"""Settings that name a file, or several: relative to the configuration file that holds them."""


class Section(BaseModel):
    """A section of the configuration: unknown keys are errors, values are never mutated."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InputSettings(Section):
    """What to believe about the files where they do not say it themselves."""

    bands: tuple[str, ...] | None = Field(
        None,
        description="Band roles in file order, `-` skips one, e.g. ['blue', 'green', 'red', 'nir']; "
        "for GeoTIFFs without band descriptions. For band-per-file folders use `band_files`.",
    )
    band_files: dict[str, str] = Field(
        default_factory=dict,
        description="Role → ending of the file's stem, e.g. { green = '_B03' }, for band-per-file folders.",
    )
    sensor: Literal["sentinel-2", "planetscope", "skysat", "landsat", "hls", "generic"] | None = Field(
        None, description="Sensor of generic files: gives meaning to numbered bands (B2 …) and the point spread."
    )
    acquired: datetime | None = Field(None, description="Acquisition time of a single undated scene (--datetime).")
    scale: float | None = Field(None, gt=0, description="Reflectance per digital number; overrides what the files say.")
    offset: float | None = Field(None, description="Reflectance of digital number 0; overrides what the files say.")
    calibrated: Literal["reflectance", "toa", "dn"] | None = Field(
        None, description="Override how far the numbers are trusted: surface reflectance, top of atmosphere, raw DN."
    )
    nodata: float | None = Field(
        None,
        allow_inf_nan=True,
        description="Digital number that means no data, `nan` included; overrides what the files say.",
    )

    @field_validator("bands")
    @classmethod
    def _roles_are_known(cls, bands: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if bands is not None:
            _refuse_unknown_roles(bands)
        return bands

    @field_validator("band_files")
    @classmethod
    def _file_roles_are_known(cls, band_files: dict[str, str]) -> dict[str, str]:
        _refuse_unknown_roles(tuple(band_files))
        return band_files

    @field_validator("acquired")
    @classmethod
    def _time_is_utc(cls, acquired: datetime | None) -> datetime | None:
        if acquired is None:
            return None
        return acquired.replace(tzinfo=UTC) if acquired.tzinfo is None else acquired.astimezone(UTC)


def _refuse_unknown_roles(roles: tuple[str, ...]) -> None:
    """Raise ``ValueError`` on a role pondscan does not know, or one that is named twice."""
    named = [role for role in roles if role != "-"]
    known = (*BAND_ROLES, *MASK_ROLES)
    unknown = [role for role in named if role not in known]
    if unknown:
        raise ValueError(f"'{unknown[0]}' is no band role, use {', '.join(known)} or - to skip a band")
    twice = [role for role in named if named.count(role) > 1]
    if twice:
        raise ValueError(f"the role '{twice[0]}' is named twice")


class AoiSettings(Section):
    """Area of interest."""

    path: str | None = Field(None, description="Vector file, any CRS; a pond belongs by its centroid.")


class MaskSettings(Section):
    """Clouds, shadow, snow: what is not looked at."""

    use: Literal["auto", "off"] = Field("auto", description="Use the product's own mask or the sidecar; off = none.")
    screen: bool = Field(
        True,
        description="Screen a scene that comes without a mask for cloud and shadow with pondscan's own test; "
        "not with use = 'off'.",
    )
    classes: tuple[Literal["cloud", "cirrus", "haze", "shadow", "snow", "saturated", "unusable"], ...] = Field(
        ("cloud", "cirrus", "haze", "shadow", "snow", "saturated", "unusable"), description="Reasons that mask a pixel."
    )
    dilation_m: float = Field(40.0, ge=0, le=2000, description="Margin added around masked cloud and shadow, metres.")

    def source(self, *, has_mask: bool) -> Literal["product", "screen", "none"]:
        """Where the mask of a scene comes from, which has one of its own or not."""
        if self.use == "off":
            return "none"
        if has_mask:
            return "product"
        return "screen" if self.screen else "none"


class TerrainSettings(Section):
    """The lie of the land: mountain shadow, and slopes on which no liquid stands."""

    dem: str | None = Field(
        None, description="Elevation model, any raster of metres with a CRS, at any resolution (--dem)."
    )


class DetectSettings(Section):
    """First pass: which pixels differ from the ground around them the way liquid does."""

    background_radius_m: float = Field(
        200.0, gt=0, le=5000, description="Half-width of the window that says what the ground around looks like."
    )
    min_fraction: float = Field(0.30, gt=0, lt=1, description="Least water fraction of a pixel of a candidate.")
    min_snr: float = Field(
        4.0,
        gt=0,
        description="Least contrast of that pixel, in standard deviations of the background; a third of it where the "
        "pixel is much darker.",
    )
    absolute_ndwi: float = Field(
        0.05, gt=-1, lt=1, description="NDWI above which a pixel is liquid whatever surrounds it (not used on raw DN)."
    )


class PondSettings(Section):
    """What size of object may be a pond."""

    min_diameter_m: float = Field(4.0, gt=0, description="Smaller objects are no ponds.")
    max_diameter_m: float = Field(90.0, gt=0, description="Larger ones are lakes and rivers.")
    max_elongation: float = Field(5.0, gt=1, description="Longer ones (axis ratio, after splitting) are channels.")

    @model_validator(mode="after")
    def _sizes_are_ordered(self) -> Self:
        if self.min_diameter_m >= self.max_diameter_m:
            raise ValueError(
                f"min_diameter_m = {self.min_diameter_m:g} must be below max_diameter_m = {self.max_diameter_m:g}"
            )
        return self


class ConfidenceSettings(Section):
    """Which objects are believed."""

    target: Literal["leach_pond", "small_water"] = Field(
        "leach_pond", description="leach_pond, or small_water: any small water body, natural ponds too."
    )
    min_confidence: float = Field(0.5, ge=0, le=1, description="Least confidence of a pond in the products.")
    expected_ponds_per_km2: float | None = Field(
        None, gt=0, description="Ponds you expect per square kilometre; re-weights the prevalence assumed in fitting."
    )


class SiteSettings(Section):
    """How ponds make a site."""

    distance_m: float = Field(200.0, gt=0, description="Ponds nearer than this belong together (single linkage).")
    min_ponds: int = Field(2, ge=1, description="Fewer ponds than this are isolated ponds, not a site.")
    footprint_buffer_m: float = Field(50.0, gt=0, description="Worked ground counted around each pond.")


class ProductSettings(Section):
    """What is written."""

    crs: str | None = Field(
        None, description="CRS of the GeoPackage, e.g. 'EPSG:32647'; default: UTM zone of the first scene."
    )
    keep_rejected: bool = Field(False, description="Keep rejected candidates with the reason in observations/.")


class RegistrationSettings(Section):
    """Whether scenes are placed against each other."""

    use: Literal["auto", "off"] = Field(
        "auto",
        description="Move what each scene shows onto the first clear scenes of the finest sensor, where stable ground "
        "agrees on it; off = believe every scene's own coordinates.",
    )


class ContextLayer(Section):
    """A vector file (rivers, settlements, borders …) that adds columns to sites and shows on the map."""

    name: str = Field(
        description="What the layer is called, in small letters, digits and _: begins the names of its columns, e.g. "
        "rivers_distance_m.",
        pattern=r"^[a-z][a-z0-9_]{0,39}$",
    )
    path: str = Field(description="Vector file, any format GDAL reads, any CRS.")
    layer: str | None = Field(None, description="Layer of a file that holds several.")
    name_field: str | None = Field(None, description="Attribute that names the objects; needed to add 'name'.")
    adds: tuple[Literal["distance", "name", "within"], ...] = Field(
        ("distance",),
        description="Columns: distance = from the site's footprint to the nearest object, metres; name = of the "
        "polygons the site lies in, of points and lines the nearest; within = whether the site's middle lies in a "
        "polygon.",
        min_length=1,
    )
    search_km: float = Field(
        100.0, gt=0, le=2000, description="Objects farther from the sites than this are not looked for, kilometres."
    )

    @model_validator(mode="after")
    def _columns_can_be_made(self) -> Self:
        if len(set(self.adds)) < len(self.adds):
            raise ValueError("adds names a column twice")
        if "name" in self.adds and self.name_field is None:
            raise ValueError("adds = ['name'] needs name_field, the attribute that names the objects")
        return self


class ContextSettings(Section):
    """What is known from elsewhere: events and series beside the numbers, layers beside the sites."""

    events: tuple[str, ...] = Field((), description="CSV files of dated events; columns in docs/context.md.")
    series: tuple[str, ...] = Field(
        (), description="CSV files of series from elsewhere (imports, prices, readings); columns in docs/context.md."
    )
    window_days: float = Field(
        365.0,
        ge=30,
        le=3660,
        description="Days before and after an event whose looks are compared; a year evens seasons.",
    )
    layers: tuple[ContextLayer, ...] = Field(
        (), description="Vector files, each in a table [[context.layers]] of its own."
    )

    @field_validator("layers")
    @classmethod
    def _names_differ(cls, layers: tuple[ContextLayer, ...]) -> tuple[ContextLayer, ...]:
        called = [layer.name for layer in layers]
        twice = [name for name in called if called.count(name) > 1]
        if twice:
            raise ValueError(f"two layers are called '{twice[0]}', give each a name of its own")
        return layers


class ChipSettings(Section):
    """What is kept of the pixels of every scene; changing it scans again."""

    ground: int = Field(
        2048,
        ge=0,
        le=16384,
        description="Chips of ground kept at most, 1.2 kB each, by which scenes are placed against each other; "
        "0 = none, and no scene is moved.",
    )
    quicklook_px: int = Field(
        1200, ge=0, le=8192, description="Longest side of the picture kept for the report; 0 = none."
    )
    imagery: bool = Field(
        True,
        description="Keep the pixels around everything found at full resolution, for the report's strips of pictures "
        "and for review.",
    )


class TileSettings(Section):
    """How the work is cut; never changes a result."""

    size_px: int | None = Field(
        None, ge=256, le=8192, multiple_of=256, description="Tile side; default follows the files' own blocks."
    )


class StorageSettings(Section):
    """How much of the disk a workspace may take."""

    pictures_mb: float | None = Field(
        None,
        ge=0,
        description="Most megabytes of pictures (quicklooks, imagery) kept; beyond it those of the oldest scenes are "
        "dropped, for good. No number is made from them. Not set: all are kept.",
    )
    min_free_mb: float = Field(
        200.0, ge=0, description="A run stops before the next scene rather than leave less than this free, megabytes."
    )


class LogSettings(Section):
    """How a command speaks on stderr while it works; never changes a result."""

    format: Literal["text", "json"] = Field(
        "text",
        description="text for people; json for programs: one object a line with time, level, event, scene_id and "
        "message, every step of the work included.",
    )


class Settings(Section):
    """Everything that can change a result, and how the work is cut."""

    input: InputSettings = Field(default_factory=InputSettings)
    aoi: AoiSettings = Field(default_factory=AoiSettings)
    mask: MaskSettings = Field(default_factory=MaskSettings)
    terrain: TerrainSettings = Field(default_factory=TerrainSettings)
    detect: DetectSettings = Field(default_factory=DetectSettings)
    pond: PondSettings = Field(default_factory=PondSettings)
    confidence: ConfidenceSettings = Field(default_factory=ConfidenceSettings)
    sites: SiteSettings = Field(default_factory=SiteSettings)
    products: ProductSettings = Field(default_factory=ProductSettings)
    registration: RegistrationSettings = Field(default_factory=RegistrationSettings)
    context: ContextSettings = Field(default_factory=ContextSettings)
    chips: ChipSettings = Field(default_factory=ChipSettings)
    tiles: TileSettings = Field(default_factory=TileSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    @property
    def named_files(self) -> tuple[str, ...]:
        """Every file that settings name (``FILE_SETTINGS``)."""
        context = self.context
        single = [path for path in (self.aoi.path, self.terrain.dem) if path]
        return (*single, *context.events, *context.series, *(layer.path for layer in context.layers))
