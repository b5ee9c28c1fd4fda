select owner_key, email
from {{ ref('int_crm__owners') }}
