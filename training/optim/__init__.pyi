# The public names of the folder; lazy_loader reads them from here.
from .passes import frozen_buffers as frozen_buffers
from .sam import SAM as SAM
